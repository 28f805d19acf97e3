/**
 * Whom a call of a client that can show forms is put to: where the policy takes the word of whoever sits there, to them and to the people of the
 * control plane at once, and the first answer counts; everywhere else to the people alone, as if there were no forms.
 */
import { firstOf, inboxApproval, type AskPort, type Governance } from "@countersign/sdk/enforcement";
import { elicitApproval, takesLocalWord, type ElicitPort } from "./elicit-approval.ts";
import type { JoinedRequest, OpenQuestion } from "./open-question.ts";
import type { OpenQuestions } from "./open-questions.ts";
import { RoundQuestion } from "./round-question.ts";

export interface AtClient {
  readonly governance: Pick<Governance, "askWith" | "controlPlane">;
  readonly questions: OpenQuestions;
  /** Whose questions they are. */
  readonly owner: string;
  /** The way to the client; undefined where it is asked with the rounds that it is sent. */
  readonly client: ElicitPort | undefined;
}

export function askAtClient(plain: AskPort | undefined, { governance, questions, owner, client }: AtClient): AskPort {
  const known = new WeakMap<JoinedRequest, OpenQuestion>();
  const whoOf = (request: JoinedRequest): AskPort => {
    const ask = known.get(request)?.ask ?? plain;
    if (ask === undefined) throw new TypeError("this request was joined elsewhere");
    return ask;
  };
  const taken = (question: OpenQuestion): JoinedRequest => {
    known.set(question.request, question);
    return question.request;
  };

  function make(): { readonly ask: AskPort; readonly round: RoundQuestion | undefined } {
    const round = new RoundQuestion();
    const form = elicitApproval(client ?? round);
    const ask = governance.askWith(governance.controlPlane === undefined ? form : firstOf(form, inboxApproval));
    if (ask === undefined) throw new TypeError("a handler is always asked");
    return { ask, round: client === undefined ? round : undefined };
  }

  return {
    canMeet: (requirements) => takesLocalWord(requirements) || plain?.canMeet(requirements) === true,
    async join(question, edit) {
      if (takesLocalWord(question.requirements)) return taken(await questions.join(owner, question, edit, make));
      if (plain === undefined) throw new TypeError("nobody can be asked");
      return plain.join(question, edit);
    },
    async rejoin(requestId, question) {
      const open = takesLocalWord(question.requirements) ? questions.find(owner, requestId, question) : undefined;
      return open === undefined ? plain?.rejoin?.(requestId, question) : taken(open);
    },
    wait: (request, options) => known.get(request)?.wait(options) ?? whoOf(request).wait(request, options),
    claim: (request) => known.get(request)?.claim() ?? whoOf(request).claim(request),
    supersede: (request) => known.get(request)?.supersede() ?? whoOf(request).supersede(request),
    dropEdit: (edit, reason) => plain?.dropEdit?.(edit, reason),
    release: (request, gone) => whoOf(request).release?.(request, gone),
    report: (request, execution) => whoOf(request).report(request, execution),
  };
}
