/** What a session's upstream says while nobody listens: kept for the next who does, bounded, the oldest is lost first. */
const MAX_MESSAGES = 1_000;
const MAX_BYTES = 1024 * 1024;

export class Parked {
  readonly #onWarning: (message: string) => void;
  #messages: (Buffer | string)[] = [];
  #bytes = 0;

  constructor(onWarning: (message: string) => void) {
    this.#onWarning = onWarning;
  }

  park(message: Buffer | string): void {
    this.#messages.push(message);
    this.#bytes += message.length;
    if (this.#messages.length <= MAX_MESSAGES && this.#bytes <= MAX_BYTES) return;
    this.#bytes -= this.#messages.shift()?.length ?? 0;
    this.#onWarning("a message of the server was lost: its client listens to nothing");
  }

  empty(ear: { beside(message: Buffer | string): void } | undefined): void {
    if (ear === undefined || this.#messages.length === 0) return;
    const messages = this.#messages;
    this.#messages = [];
    this.#bytes = 0;
    for (const message of messages) ear.beside(message);
  }
}
