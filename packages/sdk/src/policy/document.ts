/** The policy document as a schema: one place that says which keys and values exist. Positions are found by read-document.ts. */
import { z } from "zod";
import { INSPECTION_ACTIONS } from "../inspection/inspection.ts";
import { parseDuration } from "./duration.ts";
import { parsePattern } from "./pattern.ts";
import { ACTIONS, ASSURANCES } from "./result.ts";

const pattern = z.string().superRefine((text, context) => {
  const parsed = parsePattern(text);
  if (typeof parsed === "string") context.addIssue({ code: "custom", message: `the pattern ${JSON.stringify(text)} ${parsed}` });
});
const patterns = z.union([pattern, z.array(pattern).min(1)], { error: 'must be a pattern such as "mcp:filesystem:write_file", or a list of them' });
const duration = z.string().refine((text) => parseDuration(text) !== undefined, { error: 'must be a duration such as "30s", "5m" or "1h"' });
const positive = z.number().positive();

export const THROTTLE_KEYS = ["agent", "user", "session", "server", "tool"] as const;
export type ThrottleKey = (typeof THROTTLE_KEYS)[number];

const approvalTerms = z.strictObject({
  approvers: z.array(z.string().min(1)).optional(),
  quorum: positive.int().optional(),
  timeoutMinutes: positive.optional(),
  selfApproval: z.boolean().optional(),
  assurance: z.enum(ASSURANCES).optional(),
  grants: z.array(z.string().refine((text) => text === "once" || text === "session" || parseDuration(text) !== undefined, { error: 'must be "once", "session" or a duration such as "30m"' })).optional(),
  edits: z.boolean().optional(),
  escalate: z.array(z.strictObject({ after: duration, to: z.array(z.string().min(1)).min(1) })).optional(),
  requireReason: z.boolean().optional(),
});
const approval = z.union([z.literal("never"), approvalTerms], { error: 'must be "never" or a map (approvers, quorum, timeoutMinutes, …)' });

const rate = z.strictObject({
  limit: positive,
  per: duration,
  burst: positive.min(1).optional(),
  key: z.array(z.enum(THROTTLE_KEYS)).optional(),
});

const policy = z
  .strictObject({
    name: z.string().min(1),
    match: patterns,
    except: patterns.optional(),
    when: z.unknown().optional(),
    action: z.enum(ACTIONS),
    mode: z.enum(["enforce", "observe"]).optional(),
    reason: z.string().min(1).optional(),
    metadata: z.record(z.string(), z.json()).optional(),
    approval: approval.optional(),
    rate: rate.optional(),
  })
  .superRefine((value, context) => {
    const issue = (key: string, message: string): void => context.addIssue({ code: "custom", path: [key], message });
    if (value.when !== undefined) issue("when", "conditions (`when`) are not supported by this version. Remove it, or narrow the policy with `match` and `except`.");
    if (value.approval !== undefined && value.action !== "block") issue("approval", `\`approval\` goes with \`action: block\` only, not with ${value.action}`);
    if (value.rate !== undefined && value.action !== "throttle") issue("rate", `\`rate\` goes with \`action: throttle\` only, not with ${value.action}`);
    if (value.rate === undefined && value.action === "throttle") issue("action", "`action: throttle` needs a `rate`, such as { limit: 30, per: 1m }");
  });

const findingActions = z.record(z.string(), z.enum(INSPECTION_ACTIONS));
const findingGroup = z.strictObject({ input: findingActions.optional(), output: findingActions.optional() });
const toolActions = z.strictObject({ onChange: z.enum(["allow", "warn", "block"]).optional(), onSuspicious: z.enum(["allow", "warn", "block"]).optional() });

export const policyDocument = z.strictObject({
  version: z.literal(1),
  default: z.union([z.enum(["allow", "block"]), z.strictObject({ action: z.literal("block"), approval: approval.optional() })], { error: "must be allow, block, or { action: block, approval: … }" }).optional(),
  policies: z.array(policy).superRefine((list, context) => {
    const seen = new Set<string>();
    for (const [index, { name }] of list.entries()) {
      if (seen.has(name)) context.addIssue({ code: "custom", path: [index, "name"], message: `the name ${JSON.stringify(name)} is used twice` });
      seen.add(name);
    }
  }),
  inspection: z.object({ tools: toolActions.optional() }).catchall(findingGroup).optional(),
});

/** A policy document as it is written: `init({ policies })` takes one, and files hold one as YAML or JSON. */
export type PolicyDocument = z.input<typeof policyDocument>;
export type DocumentPolicy = PolicyDocument["policies"][number];
export type ApprovalTerms = z.input<typeof approvalTerms>;
