/**
 * The control plane that a gateway asks at, as long as it runs: found or started, started again where it has died, and followed where it
 * listens elsewhere afterwards. Everything that asks there hangs on one link. Made by cli/gateway*.ts.
 */
import type { JoinedControl } from "./join-control.ts";
import type { UpPorts } from "./up.ts";

export interface ControlLink {
  /** Rejects with why there is none; the next one who asks tries again. */
  current(): JoinedControl | Promise<JoinedControl>;
  /** Starts it again where it has died, and follows it. Resolves when that is done or has failed, which is told. Never rejects. */
  revive(): Promise<void>;
  /** Told of where it is now, and of the key that counts there. Returns a function that ends it. */
  onMoved(listener: (joined: JoinedControl) => void): () => void;
  /** `isLost`: whoever hangs on it hears nothing any more. It is asked now and then, and where it says so the state directory is looked at. */
  watch(isLost: () => boolean): void;
  close(): Promise<void>;
}

const LOOK_MS = 2_000;

/** The one of a state directory. */
export function linkControl(directory: string, ports: UpPorts): ControlLink {
  const listeners = new Set<(joined: JoinedControl) => void>();
  const warn = (message: string): void => ports.err(`countersign: ${message}`);
  let known: JoinedControl | undefined;
  let joining: Promise<JoinedControl> | undefined;
  let reviving: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  async function join(): Promise<JoinedControl> {
    try {
      const { joinControl } = await import("./join-control.ts");
      const joined = await joinControl(directory, ports);
      if (closed) throw new Error("the gateway is ending");
      return (known = joined);
    } finally {
      joining = undefined;
    }
  }

  async function reviveNow(last: JoinedControl): Promise<void> {
    try {
      const { joinControl } = await import("./join-control.ts");
      // Where it was, because others look there too; where that place is taken meanwhile, anywhere.
      const joined = await joinControl(directory, ports, Number(new URL(last.url).port)).catch(() => joinControl(directory, ports));
      if (closed || (joined.url === last.url && joined.apiKey === last.apiKey)) return;
      known = joined;
      if (joined.url !== last.url) warn(`the control plane listens at ${joined.url} now, and is asked there`);
      for (const listener of listeners) listener(joined);
    } catch (error) {
      warn(`the control plane cannot be started: ${error instanceof Error ? error.message : String(error)}`);
    } finally {
      reviving = undefined;
    }
  }

  const revive = async (): Promise<void> => {
    if (known !== undefined) await (reviving ??= reviveNow(known));
  };

  /** Follows one that somebody else has started. Starting one is for whoever needs it. */
  async function lookAround(): Promise<void> {
    const { readControlFile } = await import("../control/installation/control-file.ts");
    const running = readControlFile(directory);
    if (!closed && running !== undefined && running.url !== known?.url) await revive();
  }

  return {
    current: () => known ?? (joining ??= join()),
    revive,
    onMoved(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    watch(isLost) {
      timer ??= setInterval(() => {
        if (known !== undefined && isLost()) void lookAround();
      }, LOOK_MS).unref();
    },
    async close() {
      closed = true;
      clearInterval(timer);
      await joining?.catch(() => undefined);
      await reviving;
    },
  };
}

/** One that is named, and that nobody here can start. */
export function fixedControl(joined: JoinedControl): ControlLink {
  return { current: () => joined, revive: () => Promise.resolve(), onMoved: () => () => undefined, watch: () => undefined, close: () => Promise.resolve() };
}
