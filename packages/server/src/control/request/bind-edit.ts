/** From the body of an edit to the call that would run: parsed as strictly as the agent's own, and judged by the very definition that was bound. */
import { bindCall, canonicalJson, changedPointers, checkArguments, definitionDigest, parseStrictJson, snapshotObject } from "@countersign/sdk/call";
import type { Call, JsonObject, JsonValue } from "@countersign/sdk/call";
import { viewText } from "@countersign/sdk/wire";
import { hash } from "node:crypto";
import type { ApprovalRequest } from "../../store/entity/approval-request.ts";
import { callOf } from "./bound-text.ts";
import type { BoundText } from "./bound-text.ts";
import { refusal } from "./move.ts";
import type { EditBody, RequestRefusal } from "./requests.ts";

const MOST_PLACES = 100;
const LONGEST_PLACE = 200;

export function bindEdit(request: ApprovalRequest, bound: BoundText | undefined, { argumentsText, viewedDigest, requestDigest }: EditBody): { readonly ok: true; readonly call: Call; readonly changed: readonly string[] } | RequestRefusal {
  if (bound === undefined) return refusal("not_viewed", "The arguments were erased: nobody can see what would run.");
  const place = { depth: 2, at: "/arguments" };
  const parsed = parseStrictJson(argumentsText, place);
  const args = parsed.ok ? snapshotObject(parsed.value, place) : parsed;
  if (!args.ok) return invalid([{ pointer: "", message: args.reason }]);
  const changed = placesOf(bound.arguments, args.value);
  if (changed.length === 0) return refusal("bad_request", "Nothing was changed: approve it as it is.");
  const shown = hash("sha256", viewText({ requestDigest, argumentsText: args.text, contextText: bound.contextText }), "hex");
  if (shown !== viewedDigest) return refusal("not_viewed", "What was shown is not this call.");
  const schema = boundSchema(request);
  if (schema === undefined) return refusal("invalid_arguments", "The tool's definition is not known here, so changed arguments cannot be checked against it.");
  const faults = checkArguments(schema, args.value);
  if (faults.length > 0) return invalid(faults);
  const before = callOf(request, bound);
  return { ok: true, call: bindCall({ ...before, arguments: args.value, argumentsText: args.text }, before.definition), changed };
}

/** Names in the record: enough of them to be of use, and never so much that a row could be filled with them. */
function placesOf(before: JsonObject, after: JsonObject): readonly string[] {
  return changedPointers(before, after, MOST_PLACES).map((pointer) => (pointer.length <= LONGEST_PLACE ? pointer : `${pointer.slice(0, LONGEST_PLACE).toWellFormed()}…`));
}

function invalid(fields: NonNullable<RequestRefusal["fields"]>): RequestRefusal {
  return { ...refusal("invalid_arguments", "The changed arguments are not what the tool takes."), fields };
}

/** What the agent's side says of the tool counts only where it has the digest that is part of the call. */
function boundSchema({ call, narration: { definition } }: ApprovalRequest): JsonValue | undefined {
  const isBound = definition !== null && definitionDigest(canonicalJson(definition)) === call.definition;
  return isBound ? (definition satisfies JsonObject)["inputSchema"] : undefined;
}
