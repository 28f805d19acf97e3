/**
 * What a client's message is: a tool call, which guard decides on, or something else, which passes as the bytes that came. Whatever any
 * reader could take for a `tools/call` is one here or is refused (GUARANTEES R6); no message is repaired. The one parse of the way in.
 */
import { decodeUtf8, findAmbiguity, parseJson, type JsonObject, type JsonValue } from "@countersign/sdk/call";

/** JSON-RPC ids as MCP has them. */
export type RpcId = string | number;

export type ClientMessage =
  | { readonly kind: "call"; readonly id: RpcId; readonly params: JsonValue | undefined }
  | { readonly kind: "request"; readonly id: RpcId; readonly method: string; readonly params: JsonValue | undefined }
  | { readonly kind: "notification"; readonly method: string; readonly params: JsonValue | undefined }
  /** `body`: the result, or the error. */
  | { readonly kind: "response"; readonly id: RpcId | undefined; readonly ok: boolean; readonly body: JsonValue | undefined }
  /** `id`: of whom to answer, null where it cannot be told; undefined where nobody waits for an answer. */
  | { readonly kind: "refused"; readonly id: RpcId | null | undefined; readonly code: number; readonly reason: string };

const PARSE_ERROR = -32_700;
export const INVALID_REQUEST = -32_600;

const CALL = "tools/call";
const MEMBERS = ["jsonrpc", "id", "method", "params", "result", "error"];
const CALL_MEMBERS = new Set(["jsonrpc", "id", "method", "params"]);
/** No member of a message of ours is longer, and folding a long one can take minutes. */
const MAX_MEMBER = 64;
const MAX_METHOD = 1_024;
const CARRIAGE_RETURN = 0x0d;

/** Reads one message. `bytes` without what ends the line. Never throws. */
export function readClientMessage(bytes: Buffer): ClientMessage {
  const text = decodeUtf8(bytes);
  if (text === undefined) return refused(null, PARSE_ERROR, "the message is not valid UTF-8");
  let message: JsonValue;
  try {
    message = parseJson(text);
  } catch {
    return refused(null, PARSE_ERROR, "the message is not valid JSON");
  }
  if (Array.isArray(message)) return refused(null, INVALID_REQUEST, "batches are not passed on: send each message alone");
  if (message === null || typeof message !== "object") return refused(null, INVALID_REQUEST, "a message must be an object");
  return readObject(message as JsonObject, text, bytes); // no list: said above
}

function readObject(message: JsonObject, text: string, bytes: Buffer): ClientMessage {
  const read = classify(message);
  if (read.kind === "refused") return read;
  const isCall = read.kind === "call";
  // A call is sent in our own words, so all of it must mean one thing; of everything else the bytes go on, and the keys say what it is.
  const ambiguity = findAmbiguity(text, isCall ? { depth: 0 } : { look: "keys" });
  const id = "id" in read ? read.id : undefined;
  if (ambiguity !== undefined) return refused(id, INVALID_REQUEST, `the message can be read in several ways: ${ambiguity}`);
  // Readers that take a carriage return for the end of a line would find a second message in this one.
  if (!isCall && bytes.includes(CARRIAGE_RETURN)) return refused(id, INVALID_REQUEST, "a carriage return inside the message");
  return read;
}

function classify(message: JsonObject): ClientMessage {
  const keys = Object.keys(message);
  const id = idOf(message["id"]);
  const stranger = keys.find(isPosing);
  if (stranger !== undefined) return refused(id ?? null, INVALID_REQUEST, "a member whose name only resembles one of JSON-RPC");
  if (message["jsonrpc"] !== "2.0") return refused(id ?? null, INVALID_REQUEST, "jsonrpc must be \"2.0\"");
  const isAnswer = Object.hasOwn(message, "result") || Object.hasOwn(message, "error");
  if (!Object.hasOwn(message, "method")) return isAnswer ? responseOf(message, id) : refused(id ?? null, INVALID_REQUEST, "neither a request nor a response");
  const method = message["method"];
  if (isAnswer) return refused(id ?? null, INVALID_REQUEST, "both a request and a response");
  if (typeof method !== "string" || method.length > MAX_METHOD) return refused(id ?? null, INVALID_REQUEST, "method must be a string of reasonable length");
  if (method !== CALL && resemblesCall(method)) return refused(id ?? null, INVALID_REQUEST, "a method that only resembles tools/call");
  const params = message["params"];
  if (!Object.hasOwn(message, "id")) return method === CALL ? refused(undefined, INVALID_REQUEST, "a tools/call without an id") : { kind: "notification", method, params };
  if (id === undefined) return refused(null, INVALID_REQUEST, "id must be a string or an integer");
  if (method !== CALL) return { kind: "request", id, method, params };
  if (keys.some((key) => !CALL_MEMBERS.has(key))) return refused(id, INVALID_REQUEST, "a member that JSON-RPC does not define");
  return { kind: "call", id, params };
}

function responseOf(message: JsonObject, id: RpcId | undefined): ClientMessage {
  const ok = Object.hasOwn(message, "result") && !Object.hasOwn(message, "error");
  return { kind: "response", id, ok, body: message[ok ? "result" : "error"] };
}

function idOf(given: JsonValue | undefined): RpcId | undefined {
  return typeof given === "string" || Number.isSafeInteger(given) ? (given as RpcId) : undefined; // an integer is a number
}

/** A member that a lenient reader would take for one of JSON-RPC's. */
function isPosing(key: string): boolean {
  if (MEMBERS.includes(key)) return false;
  return key.length > MAX_MEMBER || MEMBERS.includes(lettersOf(key));
}

/** A lenient reader could take it for `tools/call`. */
export function resemblesCall(text: string): boolean {
  let letters = "";
  // In pieces, since folding a long one can take minutes.
  for (let at = 0; at < text.length; at += MAX_METHOD) letters += lettersOf(text.slice(at, at + MAX_METHOD));
  return letters.includes("toolscall");
}

/** What is left of a name where case, width, separators and invisible characters do not count. By way of both cases: ſ and ı fold like the letters they pose as. */
function lettersOf(name: string): string {
  return name.normalize("NFKC").toUpperCase().toLowerCase().replaceAll(/[^a-z0-9]/g, "");
}

function refused(id: RpcId | null | undefined, code: number, reason: string): ClientMessage {
  return { kind: "refused", id, code, reason };
}
