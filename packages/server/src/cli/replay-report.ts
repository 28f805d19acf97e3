/** A replay for the terminal and for a pull request. Both say the same; Markdown escapes what came from a call. */
import type { ReplayExample, ReplayReport } from "./replay.ts";
import { plural } from "../trial/verdict-words.ts";

const EXAMPLES = 5;

interface Section {
  readonly title: string;
  readonly about: string;
  readonly examples: readonly ReplayExample[];
}

function sectionsOf(report: ReplayReport): readonly Section[] {
  return [
    { title: "Newly allowed", about: "did not run without a question before, and would now", examples: report.newlyAllowed },
    { title: "Newly blocked", about: "ran before, and would not without a question now", examples: report.newlyBlocked },
    { title: "More approvals", about: "nobody was asked about before, and somebody would be now", examples: report.approvalsMore },
    { title: "Fewer approvals", about: "somebody was asked about before, and nobody would be now", examples: report.approvalsFewer },
  ];
}

export function replayText(report: ReplayReport): string {
  const lines = summary(report);
  for (const { about, examples, title } of sectionsOf(report)) {
    lines.push(`${title}: ${examples.length}${examples.length === 0 ? "" : ` (${about})${deniedNote(examples)}`}`);
    for (const group of grouped(examples)) lines.push(`  ${sayGroup(group)}`);
  }
  return lines.join("\n");
}

export function replayMarkdown(candidate: string, report: ReplayReport): string {
  const lines = [`### Policy replay: ${code(candidate)}`, "", ...summary(report).map((line) => `- ${escapeMarkdown(line)}`), "", "| change | calls |", "|---|---:|"];
  const sections = sectionsOf(report);
  for (const { examples, title } of sections) lines.push(`| ${title} | ${examples.length} |`);
  for (const { about, examples, title } of sections) {
    if (examples.length === 0) continue;
    lines.push("", `<details><summary>${title}: ${examples.length} (${about})</summary>`, "", "| call | calls | before | after | decided by | last |", "|---|---:|---|---|---|---|");
    for (const { count, denied, last } of grouped(examples)) {
      const answered = denied === 0 ? "" : ` (${plural(denied, "denial")} by people)`;
      lines.push(`| ${code(last.policyId)} | ${count}${answered} | ${last.before} | ${last.after} | ${escapeMarkdown(last.because)} | ${new Date(last.at).toISOString()} |`);
    }
    lines.push("", "</details>");
  }
  return lines.join("\n");
}

function summary(report: ReplayReport): string[] {
  const { approvalsAfter, approvalsBefore, approverMinutesPerDayAfter, approverMinutesPerDayBefore, days, judged, recorded, undecided, unjudged } = report;
  const lines = [`${plural(recorded, "recorded call")} over ${round(days)} ${days === 1 ? "day" : "days"}; ${judged} judged`];
  if (unjudged > 0) lines.push(`${unjudged} could not be judged: a condition asks for arguments that the record does not have`);
  if (undecided > 0) lines.push(`${plural(undecided, "more call")} ended before any policy was asked`);
  lines.push(`Approvals: ${approvalsBefore} before, ${approvalsAfter} after`);
  lines.push(`Approver minutes per day: ${sayMinutes(approverMinutesPerDayBefore)} before, ${sayMinutes(approverMinutesPerDayAfter)} after`);
  return lines;
}

function sayMinutes(minutes: number | undefined): string {
  return minutes === undefined ? "unknown (the record has no answered request)" : String(round(minutes));
}

function round(value: number): number {
  return value >= 1 ? Math.round(value * 10) / 10 : Math.round(value * 1000) / 1000;
}

interface Group {
  readonly last: ReplayExample;
  readonly count: number;
  readonly denied: number;
}

/** The most frequent kinds of call, each with its last example. */
function grouped(examples: readonly ReplayExample[]): readonly Group[] {
  const groups = new Map<string, Group>();
  for (const example of examples) {
    const key = JSON.stringify([example.policyId, example.before, example.after, example.because]);
    const { count = 0, denied = 0 } = groups.get(key) ?? {};
    groups.set(key, { last: example, count: count + 1, denied: denied + (example.answer === "denied" ? 1 : 0) });
  }
  return [...groups.values()].toSorted((a, b) => b.denied - a.denied || b.count - a.count).slice(0, EXAMPLES);
}

function sayGroup({ count, denied, last }: Group): string {
  const people = denied === 0 ? "" : `; people had denied ${denied} of them`;
  return `${plain(last.policyId)}: ${plural(count, "call")}, ${last.before} → ${last.after} (${plain(last.because)}), last by ${plain(last.agent === "" ? "an agent without a name" : last.agent)} at ${new Date(last.at).toISOString()}${people}`;
}

function deniedNote(examples: readonly ReplayExample[]): string {
  const denied = examples.filter(({ answer }) => answer === "denied").length;
  return denied === 0 ? "" : `; people had denied ${denied} of them`;
}

/** Names come from agents and servers: no line breaks, no terminal sequences. */
function plain(text: string): string {
  return text.replaceAll(/[\p{C}\u2028\u2029]/gu, "\ufffd");
}

function escapeMarkdown(text: string): string {
  return plain(text).replaceAll(/[\\`*_{}[\]<>|#!~@&]/g, (mark) => `&#${mark.codePointAt(0)};`);
}

/** `<code>` with entities: a back-tick span cannot hold every name. */
function code(text: string): string {
  return `<code>${escapeMarkdown(text)}</code>`;
}
