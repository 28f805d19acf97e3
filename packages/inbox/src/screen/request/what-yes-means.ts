/** What a yes means, in sentences made of what the control plane knows. Nothing an agent or a server says comes in here. Pure. */
import type { Me, RequestDetail } from "../../api/words.ts";
import { count } from "../../part/time-words.ts";

export interface Sentence {
  readonly key: string;
  readonly text: string;
  readonly tone: "plain" | "doubt";
}

export function whatYesMeans(request: RequestDetail, me: Me): readonly Sentence[] {
  const sentences: Sentence[] = [{ key: "once", tone: "plain", text: "Exactly this call runs, once. If anything about it changes, people are asked anew." }];
  const needed = request.requirements.reduce((sum, one) => sum + one.quorum, 0);
  if (needed > 1) {
    const left = request.progress.reduce((sum, { have, need }) => sum + Math.max(0, need - have), 0);
    sentences.push({ key: "quorum", tone: "plain", text: `It runs after ${count(needed, "approval")}; ${left === 1 ? "one is missing" : `${left} are missing`}.` });
  }
  if (request.requirements.some(({ assurance }) => assurance === "passkey")) sentences.push({ key: "passkey", tone: "plain", text: "Your passkey signs this very request." });
  if (request.edit !== null) sentences.push({ key: "edited", tone: "plain", text: "An approver changed the arguments: the agent gets the result, and is told which." });
  if (request.ownerId === me.person.id) sentences.push({ key: "self", tone: "doubt", text: "The agent that asks acts for you. If you approve, the record says that you approved your own call." });
  if (request.definition === null) sentences.push({ key: "definition", tone: "doubt", text: "The server has not described this tool on this connection, so its description is not bound." });
  if (request.server === null) sentences.push({ key: "server", tone: "doubt", text: "The server has no name here: policies treat it as unknown." });
  return sentences;
}

/** Whether an approver may change the arguments: every requirement says so, and the tool's definition is there to check them against. */
export function allowsEdits({ requirements, definition, narration, argumentsText }: Pick<RequestDetail, "requirements" | "definition" | "narration" | "argumentsText">): boolean {
  return requirements.every(({ edits }) => edits) && definition !== null && narration.definition !== null && argumentsText !== null;
}

/** Which grants every requirement allows, where one yes is enough. */
export function grantsOffered({ requirements, edit }: Pick<RequestDetail, "requirements" | "edit">): readonly string[] {
  const [first, ...rest] = requirements;
  if (first === undefined || edit !== null || requirements.some(({ quorum }) => quorum !== 1)) return [];
  return first.grants.filter((grant) => rest.every(({ grants }) => grants.includes(grant)));
}

export function grantWords(grant: string): string {
  if (grant === "session") return "for this session";
  const [, number = "", unit = ""] = /^(\d+)([a-z]+)$/.exec(grant) ?? [];
  const names: Readonly<Record<string, string>> = { s: "second", m: "minute", h: "hour", d: "day" };
  const name = names[unit];
  return name === undefined ? `for ${grant}` : `for ${count(Number(number), name)}`;
}
