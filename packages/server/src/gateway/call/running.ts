/** How many are under way, for whoever has to wait until none is. A count: a promise kept for each would cost more than the decision about it. */
export class Running {
  #count = 0;
  #none: PromiseWithResolvers<void> | undefined;

  begin(): void {
    this.#count += 1;
  }

  end(): void {
    this.#count -= 1;
    if (this.#count > 0) return;
    this.#none?.resolve();
    this.#none = undefined;
  }

  /** Resolves when none is under way. */
  async drained(): Promise<void> {
    while (this.#count > 0) await (this.#none ??= Promise.withResolvers()).promise;
  }
}
