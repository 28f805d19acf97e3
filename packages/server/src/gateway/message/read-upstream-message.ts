/** What an upstream's message is to the gateway, which passes on all of them. Leniently: whatever is no JSON-RPC goes on as the bytes that came. */
import type { RpcId } from "./read-client-message.ts";

export type UpstreamMessage =
  | { readonly kind: "answer"; readonly id: RpcId; readonly ok: boolean; /** The result, or the error. */ readonly body: unknown }
  | { readonly kind: "request"; readonly id: RpcId; readonly method: string }
  | { readonly kind: "notification"; readonly method: string; readonly params: unknown }
  /** `hasAnswers`: a list that has answers in it, which nobody can have asked for: batches of clients are refused. */
  | { readonly kind: "other"; readonly hasAnswers?: true };

const OTHER: UpstreamMessage = { kind: "other" };
const ANSWERS: UpstreamMessage = { kind: "other", hasAnswers: true };

/** Never throws. */
export function readUpstreamMessage(bytes: Buffer): UpstreamMessage {
  let message: unknown;
  try {
    message = JSON.parse(bytes.toString("utf8"));
  } catch {
    return OTHER;
  }
  if (message === null || typeof message !== "object") return OTHER;
  if (Array.isArray(message)) return message.some(isAnswer) ? ANSWERS : OTHER;
  const method: unknown = Reflect.get(message, "method");
  const id: unknown = Reflect.get(message, "id");
  if (typeof method === "string" && id === undefined) return { kind: "notification", method, params: Reflect.get(message, "params") };
  if (typeof id !== "string" && typeof id !== "number") return OTHER;
  if (typeof method === "string") return { kind: "request", id, method };
  const ok = Object.hasOwn(message, "result");
  if (!ok && !Object.hasOwn(message, "error")) return OTHER;
  return { kind: "answer", id, ok, body: Reflect.get(message, ok ? "result" : "error") };
}

function isAnswer(message: unknown): boolean {
  return message !== null && typeof message === "object" && (Object.hasOwn(message, "result") || Object.hasOwn(message, "error"));
}

/** How else the id may be written: official clients take an answer under "1" for one to their request 1, as lenient ones do the other way round. */
export function otherSpelling(id: RpcId): RpcId {
  return typeof id === "string" ? Number(id) : String(id);
}

/** A value some members down, where there are objects on the way; of any JSON. */
export function valueAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((at, key) => (at !== null && typeof at === "object" && Object.hasOwn(at, key) ? Reflect.get(at, key) : undefined), value);
}
