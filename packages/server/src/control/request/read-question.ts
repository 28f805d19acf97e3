/** From the body of a question to the call it is about: bound here anew, so that the digest is ours and no claim of the asker. */
import { bindCall, snapshotObject, TRANSPORTS } from "@countersign/sdk/call";
import type { Call } from "@countersign/sdk/call";
import type { AskBody } from "@countersign/sdk/wire";
import { refusal } from "./move.ts";
import type { RequestRefusal } from "./requests.ts";

const MAX_NARRATION_BYTES = 64 * 1024;
/** They stand in every list and in the record. */
const MAX_NAMES_BYTES = 128 * 1024;

export function readQuestion(body: AskBody, principal: string): { readonly ok: true; readonly call: Call } | RequestRefusal {
  const { call, caller, narration } = body;
  if (Buffer.byteLength(JSON.stringify(narration)) > MAX_NARRATION_BYTES) return refusal("too_large", "The narration is larger than 64 KiB.");
  const named = [body.policies, body.requirements, [...new Set(body.findings.map(({ type }) => type))]];
  if (Buffer.byteLength(JSON.stringify(named)) > MAX_NAMES_BYTES) return refusal("too_large", "Policies, requirements and types of findings are larger than 128 KiB together.");
  const names = body.requirements.map(({ policy }) => policy);
  if (new Set(names).size !== names.length) return refusal("bad_request", "Two requirements have the same policy's name.");
  // The control characters are what is looked for: a policy id is split at colons.
  if (call.server.name !== null && /[:*\u0000-\u001f\u007f-\u009f]|^$/u.test(call.server.name)) return refusal("bad_request", "The server's name has a colon, a star or a control character.");
  const args = snapshotObject(call.arguments, { depth: 2, at: "/arguments" });
  const context = snapshotObject(call.context, { depth: 2, at: "/context" });
  if (!args.ok) return refusal("bad_request", args.reason);
  if (!context.ok) return refusal("bad_request", context.reason);
  const { agent, user, session } = caller;
  const bound = bindCall(
    {
      server: { name: call.server.name ?? undefined, identity: call.server.identity, transport: TRANSPORTS.find((known) => known === call.server.transport) ?? "unknown" },
      tool: call.tool,
      arguments: args.value,
      argumentsText: args.text,
      context: context.value,
      contextText: context.text,
      meta: undefined,
      era: {},
      caller: { principal, agent, user, session },
    },
    call.definition,
  );
  return bound.digest === call.digest ? { ok: true, call: bound } : refusal("digest_mismatch", "The digest is not that of the call.");
}
