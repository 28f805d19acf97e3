/**
 * Policy cases: YAML lists that say what a document wants of a call. Our own tests and `countersign policy test` read the same.
 * A case has its own `policies`, or is about the document it is run with.
 */
import { isSeq, LineCounter, parseDocument, type Document } from "yaml";
import { z } from "zod";
import { PolicyDocumentError, type PolicyProblem } from "../errors.ts";
import type { PolicyDocument } from "./document.ts";
import { readPolicyObject } from "./read-document.ts";
import { createTrial, trialCall } from "./trial.ts";

const caseCall = z.strictObject({
  server: z.string().min(1).nullable(),
  tool: z.string().min(1),
  args: z.record(z.string(), z.unknown()).optional(),
  agent: z.union([z.string(), z.strictObject({ name: z.string().optional(), id: z.string().optional() })]).optional(),
  user: z.string().optional(),
  session: z.string().optional(),
  /** What the server claims of the tool: `tool.claims` of conditions. */
  claims: z.partialRecord(z.enum(["readOnly", "destructive", "idempotent", "openWorld"]), z.boolean()).optional(),
  /** The verdict of the last of so many calls at one moment. */
  times: z.number().int().min(1).max(100_000).optional(),
});
const policyCase = z.strictObject({
  case: z.string().min(1),
  default: z.unknown().optional(),
  policies: z.array(z.unknown()).optional(),
  inspection: z.unknown().optional(),
  findings: z.array(z.strictObject({ type: z.string(), group: z.string(), direction: z.enum(["input", "output"]).optional(), where: z.string().optional() })).optional(),
  call: caseCall,
  /** When it is called: `now` of conditions. The time of the test where it is not written. */
  at: z.iso.datetime({ offset: true }).optional(),
  want: z.looseObject({ action: z.enum(["allow", "warn", "throttle", "block"]) }),
});

export interface PolicyCase extends z.output<typeof policyCase> {
  /** Where it is written, from 1. */
  readonly line: number;
}

/** One thing that is not as wanted. `path` such as `requirements[0].quorum`. */
export interface CaseDifference {
  readonly path: string;
  readonly wanted: unknown;
  readonly got: unknown;
}

/** Reads a YAML list of cases. Throws PolicyDocumentError with every problem and its place. */
export function readPolicyCases(text: string, source: string): readonly PolicyCase[] {
  const lines = new LineCounter();
  const document = parseDocument(text, { uniqueKeys: true, stringKeys: true, prettyErrors: false, strict: true, lineCounter: lines });
  const at = (offset: number): { readonly line: number; readonly column: number } => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const [broken] = document.errors;
  if (broken !== undefined) throw new PolicyDocumentError(source, [{ ...at(broken.pos[0]), message: `this is not YAML: ${broken.message}.` }]);
  if (!isSeq(document.contents)) throw new PolicyDocumentError(source, [{ line: 1, column: 1, message: "a file of cases must be a list.", mend: EXAMPLE }]);
  const problems: PolicyProblem[] = [];
  const cases: PolicyCase[] = [];
  for (const [index, written] of plain(document, source).entries()) {
    const place = at(offsetOf(document, [index]));
    const parsed = policyCase.safeParse(written);
    if (parsed.success) cases.push({ ...parsed.data, line: place.line });
    else problems.push(...parsed.error.issues.map((issue) => ({ ...at(offsetOf(document, [index, ...issue.path])), message: `${["case", ...issue.path].join(".")}: ${issue.message}.`, mend: EXAMPLE })));
  }
  if (problems.length > 0) throw new PolicyDocumentError(source, problems);
  return cases;
}

const EXAMPLE = "A case is such as: { case: writes ask, call: { server: filesystem, tool: write_file }, want: { action: block } }";

function plain(document: Document, source: string): readonly unknown[] {
  try {
    const value: unknown = document.toJS({ maxAliasCount: 10_000 });
    return Array.isArray(value) ? value : [];
  } catch {
    throw new PolicyDocumentError(source, [{ line: 1, column: 1, message: "an anchor (*name) in it is not defined, or used too often.", mend: "Put quotes around text that begins with *." }]);
  }
}

/** The offset of the deepest node on the path that exists. */
function offsetOf(document: Document, path: readonly PropertyKey[]): number {
  for (let length = path.length; length > 0; length--) {
    const node: unknown = document.getIn(path.slice(0, length), true);
    if (node !== null && typeof node === "object" && "range" in node && Array.isArray(node.range) && typeof node.range[0] === "number") return node.range[0];
  }
  return 0;
}

/** Judges the case; what is wanted and not so, empty where all is well. Throws PolicyDocumentError where its own policies are no document. */
export function runPolicyCase(one: PolicyCase, document?: PolicyDocument): readonly CaseDifference[] {
  const { call, findings = [], want } = one;
  const trial = createTrial(documentOf(one, document));
  const agent = typeof call.agent === "string" ? { name: call.agent } : call.agent;
  const proposed = trialCall({ server: call.server ?? undefined, tool: call.tool, arguments: call.args, agent, user: call.user, session: call.session });
  const found = findings.map(({ type, group, direction = "input", where = "" }) => ({ type, group, direction, where }));
  const options = { findings: found, at: one.at === undefined ? undefined : Date.parse(one.at), claims: call.claims };
  for (let nth = 1; nth < (call.times ?? 1); nth++) trial.judge(proposed, options);
  const verdict = trial.judge(proposed, options);
  const { metadata, ...rest } = want;
  const differences = compare({ ...verdict, would: verdict.would ?? null }, rest, "");
  if (metadata === undefined) return differences;
  // Of metadata all is said: what nobody wanted must not be in it.
  const got = verdict.policyResult?.metadata ?? null;
  return isSame(got, metadata) ? differences : [...differences, { path: "metadata", wanted: metadata, got }];
}

function documentOf({ default: fallback, inspection, policies }: PolicyCase, document: PolicyDocument | undefined): PolicyDocument {
  if (policies === undefined && document === undefined) throw new TypeError("the case has no policies, and there is no document to run it with");
  const own = { ...(fallback === undefined ? {} : { default: fallback }), ...(inspection === undefined ? {} : { inspection }) };
  if (policies !== undefined) return readPolicyObject({ version: 1, policies, ...own });
  return Object.keys(own).length === 0 && document !== undefined ? document : readPolicyObject({ ...document, ...own });
}

/** Maps may have more than is wanted, lists not. */
function compare(got: unknown, wanted: unknown, path: string): readonly CaseDifference[] {
  if (Array.isArray(wanted)) {
    if (!Array.isArray(got) || got.length !== wanted.length) return [{ path, wanted, got }];
    return wanted.flatMap((item, index) => compare(got[index], item, `${path}[${index}]`));
  }
  if (wanted === null || typeof wanted !== "object") return Object.is(got, wanted) ? [] : [{ path, wanted, got }];
  if (got === null || typeof got !== "object") return [{ path, wanted, got }];
  return Object.entries(wanted).flatMap(([key, item]) => compare(Object.hasOwn(got, key) ? Reflect.get(got, key) : undefined, item, path === "" ? key : `${path}.${key}`));
}

function isSame(a: unknown, b: unknown): boolean {
  return compare(a, b, "").length === 0 && compare(b, a, "").length === 0;
}
