/** The longest delay that Node's timers keep; above it they fire after 1 ms, which would end a long window at once. */
const MAX_DELAY_MS = 2 ** 31 - 1;

export interface LongTimer {
  /** Harmless when called twice, and after the timer has fired. */
  clear(): void;
}

export interface LongTimerOptions {
  /** True: the timer alone does not keep the process alive. Default false. */
  readonly unref?: boolean;
}

/** `setTimeout` for any finite delay in milliseconds (below 0 counts as 0). Throws TypeError on NaN and Infinity. */
export function setLongTimeout(run: () => void, ms: number, options: LongTimerOptions = {}): LongTimer {
  if (!Number.isFinite(ms)) throw new TypeError("setLongTimeout: ms must be a finite number");
  let left = Math.max(0, ms);
  let timer = next();

  function next(): NodeJS.Timeout {
    const delay = Math.min(left, MAX_DELAY_MS);
    left -= delay;
    const started = setTimeout(onFired, delay);
    if (options.unref === true) started.unref();
    return started;
  }

  function onFired(): void {
    if (left > 0) timer = next();
    else run();
  }

  return { clear: () => clearTimeout(timer) };
}
