/**
 * Listens to one channel of PostgreSQL on a connection of its own, and listens again where that breaks. What was said meanwhile
 * is lost, so a return is told as well. Called by store/postgres-store.ts.
 */
import type { Client } from "pg";
import { connectPostgres } from "./postgres-pool.ts";

export interface ListenOptions {
  readonly url: string;
  readonly channel: string;
  readonly onMessage: (text: string) => void;
  /** Listening, for the first time or again; deaf, since the connection broke. */
  readonly onChange?: (listening: boolean) => void;
  /** Listening again, after a time in which something may have been missed. */
  readonly onReturn: () => void;
  /** How often the connection is asked whether it lives in milliseconds. Default 5,000. */
  readonly lookEveryMs?: number;
}

const FIRST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 1_000;
const ANSWER_MS = 2_000;

export class PostgresListener {
  /** Whether it hears what is said now. */
  listening = false;
  readonly #options: ListenOptions;
  #client: Client | undefined;
  #timer: NodeJS.Timeout | undefined;
  #waitMs = FIRST_WAIT_MS;
  #closed = false;
  #connecting: Promise<void>;

  constructor(options: ListenOptions) {
    this.#options = options;
    this.#connecting = this.#listen(false);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#connecting;
    this.#drop();
  }

  async #listen(again: boolean): Promise<void> {
    try {
      const client = await connectPostgres(this.#options.url, ANSWER_MS);
      this.#client = client;
      client.on("error", () => this.#lost(client));
      client.on("end", () => this.#lost(client));
      client.on("notification", ({ payload }) => this.#options.onMessage(payload ?? ""));
      await ask(client, `listen ${client.escapeIdentifier(this.#options.channel)}`);
      this.listening = true;
      this.#options.onChange?.(true);
      this.#waitMs = FIRST_WAIT_MS;
      this.#later(() => this.#look(client), this.#options.lookEveryMs ?? 5_000);
      if (again) this.#options.onReturn();
    } catch {
      this.#lost(this.#client);
    }
  }

  /** A cut network says nothing by itself. */
  #look(client: Client): void {
    ask(client, "select 1").then(
      () => this.#later(() => this.#look(client), this.#options.lookEveryMs ?? 5_000),
      () => this.#lost(client),
    );
  }

  #lost(client: Client | undefined): void {
    if (this.#closed || client !== this.#client) return;
    this.#drop();
    this.#later(() => {
      this.#connecting = this.#listen(true);
    }, this.#waitMs);
    this.#waitMs = Math.min(this.#waitMs * 2, LONGEST_WAIT_MS);
  }

  #later(work: () => void, waitMs: number): void {
    clearTimeout(this.#timer);
    if (!this.#closed) this.#timer = setTimeout(work, waitMs).unref();
  }

  #drop(): void {
    const client = this.#client;
    this.#client = undefined;
    this.listening = false;
    this.#options.onChange?.(false);
    // No goodbye: it would wait for a server that does not answer.
    client?.connection.stream.destroy();
  }
}

function ask(client: Client, text: string): Promise<unknown> {
  const config = { text, query_timeout: ANSWER_MS }; // read by pg, missing from its types
  return client.query(config);
}
