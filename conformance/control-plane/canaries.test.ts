import { hash } from "node:crypto";
import { join } from "node:path";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { fileURLToPath } from "node:url";
import { canonicalJson } from "@countersign/sdk/call";
import type { JsonObject, JsonValue } from "@countersign/sdk";
import { viewText } from "@countersign/sdk/wire";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { filesBelow, findInFiles, findInText } from "./kept-files.ts";
import { startControlPlane } from "./running-control-plane.ts";
import type { RunningControlPlane } from "./running-control-plane.ts";
import { askBody, claimBody, hireStaff, voteBody } from "./staff.ts";
import type { Asked, Key, SignedIn, Staff } from "./staff.ts";
import { dumpPostgres, startPostgres } from "./test-tools.ts";

const run = promisify(execFile);
const PROGRAM = fileURLToPath(new URL("../../packages/server/dist/cli/main.js", import.meta.url));
const POLICY = "version: 1\ndefault: allow\npolicies:\n  - name: never\n    match: mcp:*:never\n    action: block\n    approval: never\n    reason: Nobody may\n";

const STEM = "CanaryOfCountersign";
/** What every canary begins with: where this is not, none is. */
const any: ReadonlyMap<string, string> = new Map([["a canary", STEM], ["a canary in small letters", STEM.toLowerCase()]]);
let canaries = 0;
const all = new Map<string, string>();
/** A text that is nowhere else. */
function canary(what: string): string {
  canaries += 1;
  const text = `${STEM}${canaries}x${what.replaceAll(/\W/g, "")}Zq7`;
  all.set(what, text);
  return text;
}

/** Arguments with secrets in 200 places and shapes. */
function secretArguments(of = "", names = secretNames(of)): JsonObject {
  const shapes: readonly ((secret: string) => JsonValue)[] = [
    (secret) => secret,
    (secret) => ({ deep: [{ deeper: { deepest: [secret] } }] }),
    (secret) => JSON.stringify({ password: secret }),
    (secret) => Buffer.from(`user:${secret}`).toString("base64"),
    (secret) => `https://user:${secret}@example.com/path?token=${secret}`,
    (secret) => `Error: boom\n    at ${secret} (file.js:1:1)`,
    (secret) => `Authorization: Bearer ${secret}`,
    (secret) => "x".repeat(5_000) + secret + "y".repeat(5_000),
    (secret) => `\u0000\u202E${secret}\uFEFF`,
    (secret) => [secret, secret, [secret]],
  ];
  const values = shapes.flatMap((shape, index) => Array.from({ length: 18 }, (_, copy): readonly [string, JsonValue] => [`p${index}_${copy}`, shape(canary(`argument ${index}.${copy} ${of}`))]));
  return Object.fromEntries([...values, ...names.map((name, index) => [name, index]), ["mode", "plain"]]);
}

function secretNames(of: string): readonly string[] {
  return Array.from({ length: 20 }, (_, index) => canary(`name ${index} ${of}`));
}

/** What was made for one call. */
function canariesOf(of: string): ReadonlyMap<string, string> {
  return new Map([...all].filter(([what]) => /^(?:argument|name) [\d.]+/.test(what) && what.replace(/^(?:argument|name) [\d.]+/, "").trimEnd() === of.trimEnd()));
}

interface Told {
  readonly request: Asked;
  /** That call of which an approver changed the arguments, and the request about the changed one. */
  readonly edited: readonly [Asked, Asked];
  /** Everything that anybody was answered who is no approver of the call. */
  readonly answers: readonly string[];
}

/** The whole life of a call, with an answer that withholds nothing; then everything that goes wrong, with the secrets in it. */
async function live(plane: RunningControlPlane, staff: Staff, key: Key, ann: SignedIn): Promise<Told> {
  const answers: string[] = [];
  const said = async <T>(who: { readonly headers: Readonly<Record<string, string>> } | undefined, method: string, path: string, body?: object): Promise<T> => {
    const { answer, body: read } = await staff.as<T>(who, method, path, body);
    answers.push(`${answer.status} ${JSON.stringify(answer.headers)} ${answer.text}`);
    return read;
  };
  const args = secretArguments();
  const question = askBody(args, { grants: ["30m"] }, { narration: { description: "plain", definition: null } });
  const { request } = await said<{ request: Asked }>(key, "POST", "/v1/approvals", question);
  await said(ann, "POST", "/v1/grants/preview", { requestId: request.id, grant: { for: "30m", free: ["/mode"] } });
  const viewedDigest = await view(staff, ann, request);
  await said(ann, "POST", `/v1/approvals/${request.id}/vote`, voteBody(request, { viewedDigest, grant: { for: "30m", free: ["/mode"] } }));
  const claim = claimBody(request);
  await said(key, "POST", `/v1/approvals/${request.id}/claim`, claim);
  await said(key, "POST", `/v1/approvals/${request.id}/outcome`, { claimId: claim.claimId, outcome: "completed", isError: false, elapsedMs: 3 });
  await said(key, "POST", "/v1/approvals", askBody({ ...args, mode: "other" })); // by the grant
  const edited = await liveThroughEdit(said, staff, key, ann);
  await said(key, "POST", "/v1/record", { process: "p", batch: 1, entries: [shipped(args)] });
  await goWrong(said, key, question, args);
  for (const path of ["/v1/record?limit=1000", "/v1/record/export", "/v1/approvals?limit=100", "/v1/grants", "/v1/installation", "/v1/people", "/v1/keys", "/v1/policies"]) answers.push((await plane.send({ method: "GET", path, headers: staff.owner.headers })).text);
  answers.push((await plane.send({ method: "GET", path: "/metrics", headers: plane.operator })).text, (await plane.send({ method: "GET", path: "/v1/openapi.json" })).text);
  for (const { id } of [request, ...edited]) answers.push((await plane.send({ method: "GET", path: `/v1/approvals/${id}/asked`, headers: key.headers })).text);
  return { request, edited, answers };
}

/** As a tool lists itself that takes anything. */
const TOOL = { name: "write_file", inputSchema: { type: "object", properties: { first: { type: "integer" } } } } as const;

/**
 * An approver changes 181 of 201 arguments: first into what the tool does not take, then into what it does, and that runs. What the agent's own
 * process is given of it by its own route is what it runs, so that is no answer here. Answers with both requests.
 */
async function liveThroughEdit(said: Say, staff: Staff, key: Key, ann: SignedIn): Promise<readonly [Asked, Asked]> {
  const definition = hash("sha256", `countersign/definition/v1\0${canonicalJson(TOOL)}`, "hex");
  const names = secretNames("before and after an edit"); // of arguments that are the same before and after: names of what was changed are told
  const [before, after] = [{ first: 1, ...secretArguments("before an edit", names) }, { first: 2, ...secretArguments("after an edit", names) }];
  const bound = { server: { name: "filesystem", identity: null }, tool: "write_file", definition, arguments: before, context: {} };
  const call = { ...bound, callId: "call-edit", server: { ...bound.server, transport: "stdio" }, digest: hash("sha256", `countersign/call/v1\0${canonicalJson(bound)}`, "hex") };
  const { request } = await said<{ request: Asked }>(key, "POST", "/v1/approvals", askBody({}, { edits: true }, { call, narration: { description: "plain", definition: TOOL } }));
  const editBody = (args: JsonObject, viewed: JsonObject = args): object => {
    const viewedDigest = hash("sha256", viewText({ requestDigest: request.requestDigest, argumentsText: canonicalJson(viewed), contextText: "{}" }), "hex");
    return { requestDigest: request.requestDigest, argumentsText: canonicalJson(args), viewedDigest, reason: "another place" };
  };
  const path = `/v1/approvals/${request.id}/edit`;
  await said(ann, "POST", path, editBody({ ...after, first: canary("a value that the schema refuses") }));
  await said(ann, "POST", path, editBody(after, { ...after, first: canary("a value that was not shown") }));
  await said(ann, "POST", path, { ...editBody(after), argumentsText: `{"${canary("a broken text")}":` });
  await said(ann, "POST", path, { ...editBody(after), [canary("a key of the body")]: 1 });
  const successor = await said<Asked>(ann, "POST", path, editBody(after));
  const given = await staff.must<{ request: Asked; argumentsText: string }>(key, "GET", `/v1/approvals/${successor.id}/edit`);
  expect(given.argumentsText).toBe(canonicalJson(after));
  const claim = { ...claimBody(given.request), definition };
  await said(key, "POST", `/v1/approvals/${successor.id}/claim`, claim);
  await said(key, "POST", `/v1/approvals/${successor.id}/outcome`, { claimId: claim.claimId, outcome: "completed", isError: false, elapsedMs: 3 });
  return [request, successor];
}

/** What is longer than a screen is approved by whoever was shown all of it. */
async function view(staff: Staff, who: SignedIn, { id, requestDigest }: Asked): Promise<string> {
  const { argumentsText, contextText } = await staff.must<{ argumentsText: string; contextText: string }>(who, "GET", `/v1/approvals/${id}`);
  return hash("sha256", viewText({ requestDigest, argumentsText, contextText }), "hex");
}

function shipped(args: JsonObject): object {
  const common = { policyId: "mcp:filesystem:write_file", server: "filesystem", tool: "write_file", principal: "p", agent: "a", user: "u", session: "s", digest: null, definition: null };
  return { type: "decision", callId: "c", at: 1, ...common, action: "allow", reason: "", policies: [], decisive: [], findings: [], argumentsText: JSON.stringify(args) };
}

type Say = <T>(who: { readonly headers: Readonly<Record<string, string>> } | undefined, method: string, path: string, body?: object) => Promise<T>;

/** Bodies that are refused, each with secrets in the place of the fault. */
async function goWrong(said: Say, key: Key, question: object, args: JsonObject): Promise<void> {
  const { call } = question as { call: object }; // as askBody makes it
  const secret = canary("a value in a fault");
  const bodies: readonly (readonly [string, object])[] = [
    ["/v1/approvals", { ...question, call: { ...call, digest: "00".repeat(32) } }],
    ["/v1/approvals", { ...question, call: { ...call, arguments: secret } }],
    ["/v1/approvals", { ...question, [secret]: args }],
    ["/v1/approvals", { ...question, call: { ...call, [secret]: secret } }],
    ["/v1/approvals", { ...question, narration: { description: secret, definition: secret } }],
    ["/v1/approvals", { ...question, call: { ...call, server: { name: `${secret}:`, identity: null, transport: "stdio" } } }],
    ["/v1/approvals", { ...question, call: { ...call, tool: "never", digest: "00".repeat(32) } }],
    ["/v1/record", { process: "p", batch: 2, entries: [{ ...shipped(args), [secret]: 1 }] }],
    ["/v1/record", { process: "p", batch: 2, entries: [{ ...shipped(args), action: secret }] }],
    ["/v1/record", { process: "p", batch: 2, entries: [{ type: "event", at: 1, event: "gap", detail: { [`${secret} `]: secret, [secret]: { secret } } }] }],
    ["/v1/record", { process: "p", batch: 2, entries: [{ type: secret, at: 1 }] }],
    ["/v1/throttle", { process: secret, taken: secret }],
    [`/v1/approvals/${secret}/claim`, { claimId: secret, callDigest: secret }],
    [`/v1/${secret}`, { secret }],
    ["/v1/sign-in/link", { token: secret }],
    ["/v1/sign-in/password", { email: `${secret}@example.com`, password: secret }],
  ];
  for (const [path, body] of bodies) await said(key, "POST", path, body);
  for (const path of [`/v1/approvals?cursor=${secret}`, `/v1/record?after=${secret}`, `/${secret}?${secret}=${secret}`, `/v1/approvals/${secret}`]) await said({ headers: { ...key.headers, [`x-${secret.toLowerCase()}`]: secret, "user-agent": secret } }, "GET", path);
}

let plane: RunningControlPlane;
let staff: Staff;
let told: Told;
let ann: SignedIn;
beforeAll(async () => {
  plane = await startControlPlane({ policy: POLICY });
  staff = await hireStaff(plane);
  ann = await staff.join("Ann", ["approver"]);
  told = await live(plane, staff, await staff.addKey("agent", null), ann);
}, 60_000);
afterAll(() => plane.remove());

describe("R28: arguments stay inside", () => {
  it("200 canaries went through ask, vote, grant, claim, outcome and record, and whoever decides sees every one", async () => {
    expect(all.size).toBeGreaterThan(200);
    const shown = (await plane.send({ method: "GET", path: `/v1/approvals/${told.request.id}`, headers: ann.headers })).text;
    expect(JSON.parse(shown)).toMatchObject({ state: "completed" });
    const ofCall = canariesOf("");
    expect(ofCall.size).toBe(200);
    expect(findInText(shown, ofCall)).toHaveLength(ofCall.size);
  });

  it("180 more were changed by an approver into 180 others: each is shown to whoever decides, with its own request and no other", async () => {
    const [before, after] = await Promise.all(told.edited.map(async ({ id }) => (await plane.send({ method: "GET", path: `/v1/approvals/${id}`, headers: ann.headers })).text));
    expect([JSON.parse(before ?? ""), JSON.parse(after ?? "")]).toMatchObject([{ state: "superseded" }, { state: "completed", edited: true }]);
    const [old, changed] = [canariesOf(" before an edit"), canariesOf(" after an edit")];
    expect([findInText(before ?? "", old).length, findInText(after ?? "", changed).length]).toEqual([180, 180]);
    expect([findInText(before ?? "", changed), findInText(after ?? "", old)]).toEqual([[], []]);
  });

  it("no answer but the approver's view repeats one: problem details, record, export, lists, metrics, the asker's own view", () => {
    expect(told.answers.flatMap((answer) => findInText(answer, any).map((what) => `${what} in ${answer.slice(0, 300)}`))).toEqual([]);
    expect(told.answers.filter((answer) => /^4\d\d /.test(answer)).length).toBeGreaterThan(18);
    expect(told.answers.join("\n")).not.toMatch(/^5\d\d /m);
  });

  it("no file of the state directory holds one in the clear, and neither does a backup, nor anything the process printed", async () => {
    const copy = join(plane.directory, "copy.backup");
    await run(process.execPath, [PROGRAM, "backup", copy, "--dir", plane.directory]);
    const files = filesBelow(plane.directory);
    expect(files).toContain(copy);
    expect(findInFiles(files, any)).toEqual([]);
    expect(findInFiles(files, new Map([["a tool", "write_file"]])).length).toBeGreaterThan(1);
    expect(findInText(plane.printed(), any)).toEqual([]);
  });

  it("reasons, names of tools, agents and servers, which people are shown, are in no metric and in nothing that is printed", async () => {
    const key = await staff.addKey("named", null);
    const bound = { server: { name: canary("a server"), identity: null }, tool: canary("a tool"), definition: null, arguments: {}, context: {} };
    const call = { ...bound, callId: canary("a call id"), server: { ...bound.server, transport: "stdio" }, digest: hash("sha256", `countersign/call/v1\0${canonicalJson(bound)}`, "hex") };
    const caller = { agent: { name: canary("an agent"), id: "a" }, user: { id: canary("a user") }, session: { id: canary("a session") } };
    const { request } = await staff.must<{ request: Asked }>(key, "POST", "/v1/approvals", askBody({}, { policy: canary("a policy") }, { call, caller, reason: canary("a reason") }));
    await staff.must(ann, "POST", `/v1/approvals/${request.id}/vote`, voteBody(request, { choice: "deny", reason: canary("a vote's reason") }));
    expect(findInText((await plane.send({ method: "GET", path: "/metrics", headers: plane.operator })).text + plane.printed(), any)).toEqual([]);
  });

  it("after erasure nobody is shown them, and the record still verifies", async () => {
    await staff.must(staff.owner, "POST", "/v1/record/erase", { requestId: told.request.id, reason: "asked" });
    const detail = await staff.must<{ argumentsText: string | null }>(ann, "GET", `/v1/approvals/${told.request.id}`);
    expect(detail.argumentsText).toBeNull();
    const file = join(plane.directory, "export.jsonl");
    await run(process.execPath, [PROGRAM, "audit", "export", file, "--dir", plane.directory]);
    await expect(run(process.execPath, [PROGRAM, "audit", "verify", file])).resolves.toBeDefined();
  });
});

it("R28: nor does a dump of PostgreSQL or a file of its server", { tags: ["leaves-sockets", "leaves-processes"], timeout: 90_000 }, async ({ skip }) => {
  const postgres = await startPostgres();
  if ("missing" in postgres) return skip(postgres.missing);
  const url = await postgres.createDatabase();
  const other = await startControlPlane({ policy: POLICY, env: { COUNTERSIGN_POSTGRES_URL: url } });
  try {
    const people = await hireStaff(other);
    const { answers } = await live(other, people, await people.addKey("agent", null), await people.join("Ann", ["approver"]));
    expect(answers.flatMap((answer) => findInText(answer, any))).toEqual([]);
    expect(findInText(JSON.stringify([...(await dumpPostgres(url))]), any)).toEqual([]);
    if (postgres.own !== undefined) expect(findInFiles(filesBelow(join(postgres.own.folder, "data")), any)).toEqual([]);
  } finally {
    await other.remove();
    await postgres.stop();
  }
});
