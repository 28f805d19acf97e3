/**
 * The policy document as a schema: one place that says which keys and values exist, and what to write instead.
 * Messages go on from the name of the place ("policies[0].match must be …"); positions are found by read-document.ts.
 */
import { z } from "zod";
import type { JsonValue } from "../call/json.ts";
import { INSPECTION_ACTIONS } from "../inspection/inspection.ts";
import { compileCondition } from "./condition/condition.ts";
import { parseDuration } from "./duration.ts";
import { parsePattern } from "./pattern.ts";
import { ACTIONS, ASSURANCES } from "./result.ts";
import { THROTTLE_KEYS } from "./throttle-key.ts";

const NOT_A_DURATION = "must be a duration such as 30s, 5m or 1h";
const text = z.string().min(1);
const positive = z.number().positive();
const duration = z.string({ error: NOT_A_DURATION }).refine((written) => parseDuration(written) !== undefined, { error: NOT_A_DURATION });
const pattern = z.string().superRefine((written, context) => {
  const parsed = parsePattern(written);
  if (typeof parsed === "string") context.addIssue({ code: "custom", message: `has the pattern ${JSON.stringify(written)}, which ${parsed}` });
});
const patterns = (list: z.ZodArray<typeof pattern>) =>
  z.union([pattern, list], { error: 'must be a pattern such as "mcp:filesystem:write_file", or a list of them' });
const grant = text.refine((written) => written === "once" || written === "session" || parseDuration(written) !== undefined, {
  error: 'must be "once", "session" or a duration such as "30m"',
});

const approvalTerms = z.strictObject({
  approvers: z.array(text).optional(),
  quorum: positive.int().optional(),
  timeoutMinutes: positive.optional(),
  selfApproval: z.boolean().optional(),
  assurance: z.enum(ASSURANCES).optional(),
  grants: z.array(grant).optional(),
  edits: z.boolean().optional(),
  escalate: z.array(z.strictObject({ after: duration, to: z.array(text).min(1) })).optional(),
  requireReason: z.boolean().optional(),
});
const approval = z.union([z.literal("never"), approvalTerms], { error: "must be `never` or a map (approvers, quorum, timeoutMinutes, …)" });

const condition = z.string().superRefine((source, context) => {
  const compiled = compileCondition(source);
  if (!compiled.ok) context.addIssue({ code: "custom", message: `is no condition: ${compiled.message}`, params: { offset: compiled.offset } });
});

const rate = z.strictObject({
  limit: positive,
  per: duration,
  burst: z.number().min(1).optional(),
  key: z.array(z.enum(THROTTLE_KEYS)).optional(),
});

const policy = z
  .strictObject({
    name: text,
    match: patterns(z.array(pattern).min(1)),
    except: patterns(z.array(pattern)).optional(),
    when: condition.optional(),
    action: z.enum(ACTIONS),
    mode: z.enum(["enforce", "observe"]).optional(),
    reason: text.optional(),
    // Plain JSON already: read-document.ts lets nothing else come here.
    metadata: z.record(z.string(), z.custom<JsonValue>()).optional(),
    approval: approval.optional(),
    rate: rate.optional(),
  })
  .superRefine((value, context) => {
    const issue = (key: string, message: string): void => context.addIssue({ code: "custom", path: [key], message });
    if (value.approval !== undefined && value.action !== "block") issue("approval", `goes with \`action: block\` only, not with ${value.action}. Remove it, or block.`);
    if (value.rate !== undefined && value.action !== "throttle") issue("rate", `goes with \`action: throttle\` only, not with ${value.action}. Remove it, or throttle.`);
    if (value.rate === undefined && value.action === "throttle") issue("action", "is throttle and needs a `rate`, such as { limit: 30, per: 1m }.");
  });

const policies = z.array(policy).superRefine((list, context) => {
  const first = new Map<string, number>();
  for (const [index, { name }] of list.entries()) {
    const known = first.get(name);
    if (known === undefined) first.set(name, index);
    else context.addIssue({ code: "custom", path: [index, "name"], message: `is ${JSON.stringify(name)}, which is the name of policies[${known}] already. Give each policy a name of its own.` });
  }
});

const findingActions = z.record(z.string(), z.enum(INSPECTION_ACTIONS));
const findingGroup = z.strictObject({ input: findingActions.optional(), output: findingActions.optional() });
const toolAction = z.enum(["allow", "warn", "block"]);
const toolActions = z.strictObject({ onChange: toolAction.optional(), onSuspicious: toolAction.optional() });
const blockingDefault = z.strictObject({ action: z.literal("block"), approval: approval.optional() });

export const policyDocument = z.strictObject({
  version: z.literal(1),
  default: z.union([z.enum(["allow", "block"]), blockingDefault], { error: "must be `allow`, `block` or { action: block, approval: … }" }).optional(),
  policies,
  inspection: z.object({ tools: toolActions.optional() }).catchall(findingGroup).optional(),
});

/** A policy document as it is written: `init({ policies })` takes one, and files hold one as YAML or JSON. */
export type PolicyDocument = Omit<z.input<typeof policyDocument>, "inspection"> & { readonly inspection?: InspectionSection | undefined };

/** Actions on findings, by group, and on what happens to tools. */
export interface InspectionSection {
  readonly tools?: z.input<typeof toolActions> | undefined;
  readonly [group: string]: z.input<typeof findingGroup> | z.input<typeof toolActions> | undefined;
}

export type DocumentPolicy = PolicyDocument["policies"][number];
export type ApprovalTerms = z.input<typeof approvalTerms>;

/** The keys that each kind of map in a document may have, for "Did you mean". */
export const KEYS = {
  document: Object.keys(policyDocument.shape),
  default: Object.keys(blockingDefault.shape),
  policy: Object.keys(policy.shape),
  approval: Object.keys(approvalTerms.shape),
  escalate: ["after", "to"],
  rate: Object.keys(rate.shape),
  inspection: ["tools", "pii", "secret"],
  tools: Object.keys(toolActions.shape),
  findings: Object.keys(findingGroup.shape),
} as const;
