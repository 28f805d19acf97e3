/** A line of a client on standard streams: what an HTTP front checks of a body before it is parsed, checked of a line. */
import { readClientMessage, type ClientMessage } from "./read-client-message.ts";
import { whyTooComplex } from "./shape-limits.ts";

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** `line` with its line feed. Undefined for an empty one. Never throws. */
export function readClientLine(line: Buffer): ClientMessage | undefined {
  const end = line.length - (line.at(-1) === LINE_FEED ? 1 : 0);
  const bytes = line.subarray(0, line[end - 1] === CARRIAGE_RETURN ? end - 1 : end);
  if (bytes.length === 0) return undefined;
  const complex = whyTooComplex(bytes);
  // Whose answer it would be is not known without a parse.
  return complex === undefined ? readClientMessage(bytes) : { kind: "refused", id: null, ...complex };
}
