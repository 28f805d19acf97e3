/** Checks a document for whoever writes it: at once where it is short, in a thread where others would wait for it. */
import { checkText, type PolicyCheck } from "../../trial/check-text.ts";
import type { View } from "../ledger.ts";
import type { Answer } from "../refusal.ts";
import type { RunTrial } from "../trial/run-trial.ts";

export type { PolicyCheck } from "../../trial/check-text.ts";

/** Some thirty policies: 10 ms. A thread takes 200 to start. */
const SHORT = 6 * 1024;

export async function checkDocument(text: string, view: Pick<View, "all">, run: RunTrial, signal: AbortSignal): Promise<Answer<{ readonly check: PolicyCheck }>> {
  const approvers = knownApprovers(view);
  if (text.length <= SHORT) return { ok: true, check: checkText(text, approvers) };
  const said = await run({ kind: "check", text, approvers }, () => Promise.resolve(undefined), signal);
  if (!said.ok) return said;
  if (said.end.kind !== "checked") throw new TypeError("the trial answered something else");
  return { ok: true, check: said.end.check };
}

function knownApprovers(view: Pick<View, "all">): readonly string[] {
  return [
    ...view.all("person").flatMap(({ id, data }) => (data.status !== "active" ? [] : data.email === null ? [id] : [id, data.email])),
    ...view.all("person_group").map(({ data }) => `group:${data.name}`),
  ];
}
