/**
 * The clock of an embedded store: the wall clock that is never stepped back. What was open until ten closes at ten as this
 * process counts, whatever is done to the machine's clock meanwhile.
 */

export interface StoreClockOptions {
  /** The time it must not be before: the latest that the store knows of. */
  readonly notBefore: number;
  readonly wallMs?: () => number;
  /** Milliseconds that only ever rise. */
  readonly steadyMs?: () => number;
}

export function createStoreClock({ notBefore, wallMs = Date.now, steadyMs = () => performance.now() }: StoreClockOptions): () => number {
  let base = Math.max(notBefore, wallMs());
  let since = steadyMs();
  return () => {
    const steady = steadyMs();
    const now = Math.max(Math.floor(wallMs()), base + Math.floor(steady - since));
    // Counted from here on: a wall clock that was ahead and came back does not take what it showed with it.
    if (now > base + (steady - since)) [base, since] = [now, steady];
    return now;
  };
}
