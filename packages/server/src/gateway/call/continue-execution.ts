/**
 * The client has come back with what a server asked for in the middle of a call. The call was decided on, and is not decided on again; what
 * the client adds is looked into, and the record says that something was added, before it is sent on. Where either fails, it is not.
 */
import { hash } from "node:crypto";
import { canonicalJson, type JsonObject } from "@countersign/sdk/call";
import { inspectInputs, type Governance } from "@countersign/sdk/enforcement";
import { INPUT_HELD_BACK, INPUT_UNRECORDED } from "./answer-text.ts";
import type { Execution, Heard } from "./execution.ts";
import type { CallPorts, ClientCall } from "./governed-call.ts";
import type { Round } from "./rounds.ts";

/** Undefined where nobody waits for it any more. Never rejects. */
export async function continueExecution({ execution, meta, responses }: Extract<Round, { kind: "continue" }>, call: ClientCall, { governance, upstream, rounds }: CallPorts): Promise<Heard | undefined> {
  const seen = await inspectInputs(execution.call, responses ?? {}, governance.ports, call.cancelled.signal);
  try {
    await governance.ports.record.append(continuedEntry(execution, responses ?? {}, seen, governance));
  } catch {
    rounds.executions.giveUp(execution);
    return { kind: "told", text: INPUT_UNRECORDED };
  }
  if (!seen.ok) {
    rounds.executions.giveUp(execution);
    return { kind: "told", text: INPUT_HELD_BACK };
  }
  return execution.goOn({ call, upstream }, { meta, era: responses === undefined ? {} : { inputResponses: seen.inputs } });
}

/** Names are the server's own; there may be many, and they may be long. */
const NAMED = 20;
const MAX_NAME = 100;

function continuedEntry({ callId, round }: Execution, responses: JsonObject, seen: Awaited<ReturnType<typeof inspectInputs>>, { ports }: Governance) {
  const names = Object.keys(responses).slice(0, NAMED).map((name) => name.slice(0, MAX_NAME).toWellFormed());
  const findings = [...new Set(seen.findings.map(({ type }) => type))];
  const digest = hash("sha256", `countersign/input-responses/v1\0${canonicalJson(responses)}`, "hex");
  return { type: "event", event: "call_continued", at: ports.now(), detail: { callId, round, responses: names, digest, findings, sent: seen.ok } } as const;
}
