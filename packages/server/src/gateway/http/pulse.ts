/** One timer for everything that has to be looked after now and then: streams that are kept alive, what has been idle for too long. */
export class Pulse {
  readonly #beats = new Set<() => void>();
  readonly #everyMs: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(everyMs: number) {
    this.#everyMs = everyMs;
  }

  /** `beat` must not throw. */
  add(beat: () => void): void {
    this.#beats.add(beat);
    this.#timer ??= setInterval(() => {
      for (const one of this.#beats) one();
    }, this.#everyMs);
  }

  remove(beat: () => void): void {
    this.#beats.delete(beat);
    if (this.#beats.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
