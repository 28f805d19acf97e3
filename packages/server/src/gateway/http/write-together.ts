/**
 * Few writes for what belongs together: a write to a connection costs more than all that is decided about a call. Bytes and their order
 * stay what they are.
 */
import type { ServerResponse } from "node:http";

/** Larger bodies are not worth the copy. */
const SMALL = 16 * 1024;

/**
 * What is written in this turn of the event loop (head, events, the end) goes out as one. The connection is held, not the response: Node 24
 * writes the last chunk of a held response before the others where it is ended in the same turn.
 */
export function holdForTurn({ socket }: ServerResponse): void {
  if (socket === null || socket.writableCorked > 0) return;
  socket.cork();
  setImmediate(() => socket.uncork()); // nothing, where the end has let it go already
}

/** The body and the end. Node puts a head and a text in one buffer, and bytes in two; in Latin-1 a text is its bytes. */
export function endWith(response: ServerResponse, body: Buffer | string): void {
  if (typeof body !== "string" && body.length <= SMALL) response.end(body.toString("latin1"), "latin1");
  else response.end(body);
}
