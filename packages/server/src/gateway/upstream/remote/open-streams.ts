/** What a server is saying over all its open answers: read to the end, and paused together while nobody takes more. */
import type { IncomingMessage } from "node:http";
import { EventReader, type EventListener } from "./event-reader.ts";
import { readBody, type Body } from "./read-body.ts";

export class OpenStreams {
  readonly #maxBytes: number;
  readonly #open = new Set<IncomingMessage>();
  #paused = false;

  /** `maxBytes` of one message. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  pause(): void {
    this.#paused = true;
    for (const message of this.#open) message.pause();
  }

  resume(): void {
    this.#paused = false;
    for (const message of this.#open) message.resume();
  }

  /** Resolves when it has ended, well or not. Never rejects. */
  async events(message: IncomingMessage, listener: EventListener): Promise<void> {
    const reader = new EventReader(this.#maxBytes, listener);
    const ended = new Promise<void>((resolve) => {
      message.on("data", (chunk: Buffer) => reader.push(chunk));
      message.on("error", () => resolve());
      message.once("end", () => resolve()).once("close", () => resolve());
      if (message.closed) resolve();
    });
    await this.#until(message, ended);
    message.destroy();
  }

  body(message: IncomingMessage): Promise<Body> {
    return this.#until(message, readBody(message, this.#maxBytes));
  }

  async #until<T>(message: IncomingMessage, ended: Promise<T>): Promise<T> {
    this.#open.add(message);
    if (this.#paused) message.pause();
    try {
      return await ended;
    } finally {
      this.#open.delete(message);
    }
  }
}

/** What an answer is, by its content type; without parameters, in small letters. */
export function mediaTypeOf({ headers }: Pick<IncomingMessage, "headers">): string {
  return (headers["content-type"] ?? "").split(";", 1).join("").trim().toLowerCase();
}

/** Says no to what it does not read, and keeps the connection where little is left. */
export function ignoreBody(message: IncomingMessage): void {
  message.on("error", () => undefined).resume();
}

/** The text of a message as a line: what ends lines can stand between its tokens alone. */
export function lineOf(message: Buffer): Buffer {
  const line = Buffer.allocUnsafe(message.length + 1);
  message.copy(line);
  line[message.length] = LINE_FEED;
  for (let at = line.indexOf(LINE_FEED); at < message.length; at = line.indexOf(LINE_FEED, at + 1)) line[at] = SPACE;
  for (let at = line.indexOf(CARRIAGE_RETURN); at >= 0; at = line.indexOf(CARRIAGE_RETURN, at + 1)) line[at] = SPACE;
  return line;
}

const [LINE_FEED, CARRIAGE_RETURN, SPACE] = [0x0a, 0x0d, 0x20];
