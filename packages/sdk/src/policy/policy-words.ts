/** What messages about a policy document say of its keys. Called by read-document.ts. */
import { KEYS } from "./document.ts";
import type { DocumentPath, DocumentWords } from "./explain-issue.ts";

type Kind = keyof typeof KEYS;

const HOMES: { readonly [kind in Kind]: string } = {
  document: "at the top of the document",
  default: "under `default`",
  policy: "in an item of `policies`",
  approval: "under `approval`",
  escalate: "in an item of `escalate`",
  rate: "under `rate`",
  inspection: "under `inspection`",
  tools: "under `inspection.tools`",
  findings: "under a group of `inspection`, such as `pii`",
};

export const POLICY_WORDS: DocumentWords = {
  keys: KEYS,
  homes: HOMES,
  kindOf,
  missing: {
    version: "Write `version: 1`.",
    policies: "Write `policies: []` where there are none.",
    name: "Give each policy a name of its own.",
    match: 'Write a pattern such as "mcp:filesystem:write_file".',
    action: "Write allow, warn, throttle or block.",
    limit: "Write how many calls, such as `limit: 30`.",
    per: "Write a duration such as `per: 1m`.",
  },
  example: "Write `version: 1`, `default: allow` and a list of `policies`.",
  unnamed: ["when"],
};

function kindOf(path: DocumentPath): Kind {
  const last = path.at(-1);
  if (path.length === 0) return "document";
  if (last === "approval" || last === "rate" || last === "default" || last === "tools") return last;
  if (typeof last === "number") return path.at(-2) === "escalate" ? "escalate" : "policy";
  return path[0] === "inspection" && path.length === 1 ? "inspection" : "findings";
}
