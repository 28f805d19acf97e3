/** What the conditions of one evaluated call see of it. Built once per call and shared by all of them. */
import type { Call } from "../../call/call.ts";
import type { JsonValue } from "../../call/json.ts";
import type { Finding } from "../../inspection/inspection.ts";
import type { VariableName } from "./language.ts";
import { Timestamp, type Value, type ValueMap } from "./value.ts";

export type Activation = ValueMap & { readonly [name in VariableName]: Value };

/** What the server says of its tool. Hints it could lie with; a hint it does not give is absent, and reading it an error. */
export interface ToolClaims {
  readonly readOnly?: boolean;
  readonly destructive?: boolean;
  readonly idempotent?: boolean;
  readonly openWorld?: boolean;
}

const HINTS = { readOnly: "readOnlyHint", destructive: "destructiveHint", idempotent: "idempotentHint", openWorld: "openWorldHint" } as const;

/** The claims in a tool definition's `annotations` (MCP 2025-11-25, ToolAnnotations). */
export function readToolClaims(annotations: JsonValue | undefined): ToolClaims {
  if (typeof annotations !== "object" || annotations === null || Array.isArray(annotations)) return {};
  const given = new Map<string, JsonValue>(Object.entries(annotations));
  return Object.fromEntries(Object.entries(HINTS).flatMap(([claim, hint]) => (typeof given.get(hint) === "boolean" ? [[claim, given.get(hint)]] : [])));
}

/** `claims` are those of the definition that the call's digest carries; none where it is not known. */
export function activationOf(call: Call, findings: readonly Finding[], now: Date, claims: ToolClaims = {}): Activation {
  const { agent, user, session } = call.caller;
  return {
    args: call.arguments,
    agent: { name: agent.name, id: agent.id },
    user: { id: user.id, claimed: true },
    session: { id: session.id },
    server: { name: call.server.name ?? "", transport: call.server.transport },
    tool: { name: call.tool, known: call.definition !== null, claims: { ...claims } },
    findings: findings.map(({ type, where, direction, count = 1 }) => ({ type, where, direction, count })),
    now: new Timestamp(now.getTime()),
  };
}
