/**
 * Whether other instances listen on this database. A commit that notifies waits for every other one that does, and wakes whoever
 * listens: an instance that is alone leaves it out. Instances say on the channel that they are here, now and then and when a new
 * one comes; until an instance has listened for a while it takes it that it is not alone. Only hints hang on this.
 */
export interface CompanyOptions {
  /** Tells all that listen that this one is here. */
  readonly say: () => Promise<unknown>;
  readonly monotonic?: () => number;
}

const SAY_EVERY_MS = 2_000;
/** More than two times of saying: who has not been heard for so long is gone. */
export const GONE_AFTER_MS = 5_000;

export class PostgresCompany {
  readonly #say: () => Promise<unknown>;
  readonly #monotonic: () => number;
  readonly #timer: NodeJS.Timeout;
  /** Undefined while nothing is heard. */
  #listeningSince: number | undefined;
  readonly #heard = new Map<string, number>();

  constructor({ say, monotonic = () => performance.now() }: CompanyOptions) {
    this.#say = say;
    this.#monotonic = monotonic;
    this.#timer = setInterval(() => this.#tell(), SAY_EVERY_MS).unref();
  }

  get isAlone(): boolean {
    const before = this.#monotonic() - GONE_AFTER_MS;
    if (this.#listeningSince === undefined || this.#listeningSince > before) return false;
    for (const [sender, at] of this.#heard) {
      if (at > before) return false;
      this.#heard.delete(sender);
    }
    return true;
  }

  listens(): void {
    this.#listeningSince = this.#monotonic();
    this.#tell();
  }

  isDeaf(): void {
    this.#listeningSince = undefined;
  }

  heard(sender: string): void {
    const isNew = !this.#heard.has(sender);
    this.#heard.set(sender, this.#monotonic());
    // So that it knows of us before it takes itself to be alone.
    if (isNew) this.#tell();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#listeningSince = undefined;
  }

  #tell(): void {
    if (this.#listeningSince !== undefined) this.#say().catch(() => {}); // said again soon
  }
}
