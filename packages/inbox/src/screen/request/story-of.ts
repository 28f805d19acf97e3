/** Rows of the record as steps of a story. A row of a kind that is not known here is told by its name, never left out. Pure. */
import { parseJson } from "@countersign/sdk/display";
import { elapsedWords } from "../../part/time-words.ts";

export interface Step {
  readonly seq: number;
  readonly at: number;
  readonly title: string;
  /** Id of the person, where it is one's doing. */
  readonly person: string | null;
  readonly detail: string;
  readonly hash: string;
}

type Row = Readonly<Record<string, unknown>>;

export function storyOf(rows: readonly string[]): readonly Step[] {
  return rows.flatMap((text) => {
    const row = read(text);
    if (row === undefined) return [];
    const { title, person = null, detail = "" } = reported(row) ?? told(row);
    return [{ seq: numberOf(row["seq"]), at: momentOf(row["at"]), title, person, detail, hash: textOf(row["hash"]) }];
  });
}

interface Told {
  readonly title: string;
  readonly person?: string | null;
  readonly detail?: string;
}

/** What an agent's process says of the call is its word, whatever it says: decided and run was only what the other rows tell. */
function reported(row: Row): Told | undefined {
  const by = textOf(row["reportedBy"] ?? (isRow(row["detail"]) ? row["detail"]["reportedBy"] : undefined));
  if (by === "") return undefined;
  const { title, detail = "" } = told(row);
  return { title: `The agent’s process (key ${by}) reports: “${title}”`, detail };
}

function told(row: Row): Told {
  switch (row["type"]) {
    case "decision":
      return { title: `The policy said ${textOf(row["action"])}`, detail: textOf(row["reason"]) };
    case "approval":
      return { title: APPROVAL[textOf(row["status"])] ?? `Ended: ${textOf(row["status"])}`, detail: textOf(row["reason"] ?? row["error"]) };
    case "intent":
      return { title: "About to be sent; the approval is spent" };
    case "outcome":
      return { title: OUTCOME[textOf(row["outcome"])] ?? `Outcome: ${textOf(row["outcome"])}`, detail: `after ${elapsedWords(numberOf(row["elapsedMs"]))}` };
    case "event":
      return event(textOf(row["event"]), isRow(row["detail"]) ? row["detail"] : {});
    default:
      return { title: textOf(row["type"]) };
  }
}

const APPROVAL: Readonly<Record<string, string>> = { approved: "Approved", denied: "Denied", timeout: "Expired: nobody answered in time", superseded: "Superseded: the question changed" };

const OUTCOME: Readonly<Record<string, string>> = {
  completed: "The call ran",
  failed: "The call ran, and the server answered with an error",
  withheld: "The call ran, and its result was withheld from the agent",
  outcome_unknown: "No answer came: it may or may not have happened",
};

function event(name: string, detail: Row): Told {
  switch (name) {
    case "request_created":
      return { title: "Held, and people were asked" };
    case "request_edited":
      return { title: "Arguments changed by", person: personOf(detail["person"]), detail: namesOf(detail["changed"]) };
    case "vote_cast":
      return { title: detail["choice"] === "approve" ? "Yes by" : "No by", person: personOf(detail["person"]), detail: [detail["selfApproved"] === true ? "(self-approved)" : "", textOf(detail["reason"])].filter((part) => part !== "").join(" ") };
    case "claim_released":
      return { title: "Given back: provably nothing was sent" };
    case "outcome_lapsed":
      return { title: "Whoever ran it fell silent: the outcome is unknown" };
    case "outcome_annotated":
      return { title: "What really happened was noted by", person: personOf(detail["person"]) };
    case "late_report":
      return { title: "A late report came", detail: textOf(detail["outcome"]) };
    case "grant_made":
      return { title: "A grant was given with it" };
    case "grant_used":
      return { title: "Covered by a grant" };
    default:
      return { title: name.replaceAll("_", " ") };
  }
}

function personOf(value: unknown): string | null {
  return typeof value === "string" ? value.replace(/^person:/, "") : null;
}

/** JSON Pointers as the names they begin with a slash before. */
function namesOf(value: unknown): string {
  return Array.isArray(value) ? value.filter((one) => typeof one === "string").map((one) => one.slice(1)).join(", ") : "";
}

function read(text: string): Row | undefined {
  try {
    const row: unknown = parseJson(text);
    return isRow(row) ? row : undefined;
  } catch {
    return undefined;
  }
}

function isRow(value: unknown): value is Row {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** Whoever reports a row writes its time: one that no calendar has would break the page. */
function momentOf(value: unknown): number {
  return Math.min(8_640_000_000_000_000, Math.max(0, numberOf(value)));
}

function numberOf(value: unknown): number {
  return typeof value === "number" ? value : 0;
}
