// Approve with edits, from the agent's process to the tool: the real control plane, real MCP clients, and somebody on the way who lies.
import { createHash } from "node:crypto";
import { canonicalJson } from "@countersign/sdk/call";
import type { Inspection, JsonObject } from "@countersign/sdk";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { connect, refusalOf, startWith, useGovernance, WRITE } from "../../packages/sdk/src/client/fixture/governed-client.ts";
import { besideInbox, until } from "../../packages/sdk/src/control-plane/fixture/client-suite.ts";
import { FaultyWay } from "../../packages/sdk/src/control-plane/fixture/faulty-way.ts";
import { startControlPlane } from "./running-control-plane.ts";
import type { RunningControlPlane } from "./running-control-plane.ts";
import { hireStaff } from "./staff.ts";
import type { SignedIn, Staff } from "./staff.ts";

const policy = (approval: string): string => `
version: 1
default: allow
policies:
  - name: writes
    match: mcp:filesystem:write_file
    action: block
    reason: File writes require approval
    approval: ${approval}
  - name: never
    match: mcp:filesystem:write_file
    when: args.path == "/etc/shadow"
    action: block
    reason: Not this file
    approval: never
`;

interface Detail {
  readonly id: string;
  readonly state: string;
  readonly requestDigest: string;
  readonly contextText: string;
  readonly supersededBy: string | null;
  readonly edit: { readonly of: string; readonly changed: readonly string[] } | null;
  readonly outcome: { readonly outcome: string } | null;
  readonly endReason: string | null;
}

/** Documents of the agent's own process, which know less than the control plane's. */
const WRITES = { name: "writes", match: "mcp:filesystem:write_file", action: "block", reason: "ask first" } as const;
const EDITABLE = { ...WRITES, approval: { edits: true } } as const;
const REDACTS: Inspection = {
  name: "own",
  inspectCall: ({ argumentsText }) => (argumentsText.includes("/tmp/b") ? [{ type: "email", group: "pii", direction: "input", where: "/path" }] : []),
  redactCall: ({ arguments: args }) => ({ ...args, path: "[gone]" }),
};

let plane: RunningControlPlane;
let staff: Staff;
let way: FaultyWay;
let secret: string;
let ann: SignedIn;
let bob: SignedIn;
let version = 1;

beforeEach(async () => {
  plane = await startControlPlane({ policy: policy("{ edits: true }") });
  version = 1;
  staff = await hireStaff(plane);
  [ann, bob] = [await staff.join("Ann", ["approver"]), await staff.join("Bob", ["approver"])];
  ({ secret } = await staff.addKey("agent", staff.owner.personId));
  way = await FaultyWay.to(plane.url);
});
afterEach(async () => {
  await way.close();
  await plane.remove();
});
// Last, so that it is taken down first.
useGovernance();

async function begin(options: Parameters<typeof startWith>[0] = {}): Promise<void> {
  const begun = startWith({ controlPlane: { url: way.url, apiKey: secret }, ...options });
  await until(() => begun.status().controlPlane?.connected);
}

async function activate(text: string): Promise<void> {
  const { version: saved } = await staff.must<{ version: number }>(staff.owner, "POST", "/v1/policies", { text, comment: "" });
  await staff.must(staff.owner, "POST", `/v1/policies/${saved}/activate`, { expect: version, comment: "" });
  version = saved;
}

const read = (id: string): Promise<Detail> => staff.must<Detail>(ann, "GET", `/v1/approvals/${id}`);

async function pending(): Promise<Detail> {
  const id = await until(async () => (await staff.must<{ requests: readonly { id: string }[] }>(ann, "GET", "/v1/approvals?state=pending")).requests[0]?.id);
  return read(id);
}

/** As the inbox sends it. */
function edit(who: SignedIn, { id, requestDigest, contextText }: Detail, args: JsonObject) {
  const argumentsText = canonicalJson(args);
  const viewedDigest = createHash("sha256").update(`countersign/view/v1\0{"arguments":${argumentsText},"context":${contextText},"request":"${requestDigest}"}`).digest("hex");
  return staff.as<{ id: string; state: string; code?: string }>(who, "POST", `/v1/approvals/${id}/edit`, { requestDigest, argumentsText, viewedDigest, reason: "another place" });
}

const approve = (who: SignedIn, { id, requestDigest }: Detail) => staff.must(who, "POST", `/v1/approvals/${id}/vote`, { choice: "approve", requestDigest, viewedDigest: null, reason: "", grant: null });
const EDITED = { path: "/tmp/b", content: "hello" };

describe("approve with edits, end to end", () => {
  it.each(["v1 esm", "v1 cjs", "v2 esm", "v2 cjs"] as const)("%s: exactly the edited call runs, once; the caller is told which arguments were changed; both requests are linked, and the record holds the diff", async (kind) => {
    await begin();
    const { client, received } = await connect(kind, {});
    const call = client.callTool(WRITE);
    const asked = await pending();
    const said = await edit(ann, asked, EDITED);
    expect(said).toMatchObject({ status: 200, body: { state: "approved", edited: true } });
    const result = await call;
    expect(result.content.map((block) => block.text)).toEqual(["done", "Arguments were changed by the approver: path"]);
    expect(received.map(({ arguments: args }) => args)).toEqual([EDITED]);
    await until(async () => (await read(said.body.id)).state === "completed");
    expect([(await read(asked.id)).supersededBy, (await read(said.body.id)).edit]).toEqual([said.body.id, { of: asked.id, personId: ann.personId, changed: ["/path"] }]);
    const { rows } = await staff.must<{ rows: readonly string[] }>(staff.owner, "GET", "/v1/record?event=request_edited");
    expect(rows.map((row) => (JSON.parse(row) as { detail: object }).detail)).toMatchObject([{ requestId: asked.id, successor: said.body.id, changed: ["/path"] }]);
    expect(rows.join("")).not.toContain("/tmp/b");
  });

  it("a quorum of two: the second person is asked about the new digest, and only then it runs", async () => {
    await activate(policy("{ edits: true, quorum: 2 }"));
    await begin();
    const { client, received } = await connect("v2 esm", {});
    const call = client.callTool(WRITE);
    const said = await edit(ann, await pending(), EDITED);
    const successor = await read(said.body.id);
    expect(successor.state).toBe("pending");
    expect(received).toEqual([]);
    await approve(bob, successor);
    expect((await call).content.at(-1)?.text).toContain("changed by the approver");
    expect(received.map(({ arguments: args }) => args)).toEqual([EDITED]);
  });

  it("the same call, sent again while others are asked about the changed one, comes to that; on their yes it runs once", async () => {
    await activate(policy("{ edits: true, quorum: 2 }"));
    await begin();
    const { client, received } = await connect("v2 esm", {});
    const first = client.callTool(WRITE);
    const { body } = await edit(ann, await pending(), EDITED);
    const again = refusalOrResult(client.callTool(WRITE));
    await until(() => way.seen.filter((line) => line === "POST /v1/approvals").length >= 2 || undefined);
    await until(() => way.seen.filter((line) => line === `GET /v1/approvals/${body.id}/edit`).length >= 2 || undefined);
    await approve(bob, await read(body.id));
    const ends = [await refusalOrResult(first), await again];
    expect(ends.toSorted()).toEqual(["Arguments were changed by the approver: path", "in_progress"]);
    expect(received.map(({ arguments: args }) => args)).toEqual([EDITED]);
  });

  it("what the approver made of it is denied by another: the caller is refused with the reason, and nothing ran", async () => {
    await activate(policy("{ edits: true, quorum: 2 }"));
    await begin();
    const { client, received } = await connect("v2 esm", {});
    const refused = refusalOf(client.callTool(WRITE));
    const { body } = await edit(ann, await pending(), EDITED);
    const { id, requestDigest } = await read(body.id);
    await staff.must(bob, "POST", `/v1/approvals/${id}/vote`, { choice: "deny", requestDigest, viewedDigest: null, reason: "neither", grant: null });
    const error = await refused;
    expect([error.code, error.approval?.reason, received]).toEqual(["approval_denied", "neither", []]);
  });

  it("what the policy forbids to all is refused to the editor with its reason, and the call still waits", async () => {
    await begin();
    const { client, received } = await connect("v2 esm", {});
    const refused = refusalOf(client.callTool(WRITE));
    const asked = await pending();
    expect(await edit(ann, asked, { path: "/etc/shadow", content: "hello" })).toMatchObject({ status: 403, body: { code: "policy_block", detail: expect.stringContaining("Not this file") as string } });
    expect(await edit(ann, asked, { path: 5 })).toMatchObject({ status: 422, body: { code: "invalid_arguments" } });
    expect((await read(asked.id)).state).toBe("pending");
    await staff.must(ann, "POST", `/v1/approvals/${asked.id}/vote`, { choice: "deny", requestDigest: asked.requestDigest, viewedDigest: null, reason: "", grant: null });
    expect([(await refused).code, received]).toEqual(["approval_denied", []]);
  });

  it("a handler beside the inbox is asked anew, about the changed call", async () => {
    await begin();
    const seen: unknown[] = [];
    const handler: Parameters<typeof besideInbox>[0] = (_error, { call, signal }) => {
      seen.push(call.arguments);
      // The first question it leaves to others; to the changed call it says yes.
      return seen.length > 1 ? { approved: true, approver: "me", channel: "terminal", human: true } : new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));
    };
    await activate(policy("{ edits: true, quorum: 1, assurance: local }"));
    const { client, received } = await connect("v2 esm", { onPolicyBlock: besideInbox(handler) });
    const call = client.callTool(WRITE);
    await edit(ann, await pending(), EDITED);
    expect((await call).content.at(-1)?.text).toBe("Arguments were changed by the approver: path");
    expect([seen, received.map(({ arguments: args }) => args)]).toEqual([[WRITE.arguments, EDITED], [EDITED]]);
  });

  it.each<readonly [string, Parameters<typeof startWith>[0], string]>([
    ["the policy there does not say edits: true", { policies: { version: 1, policies: [WRITES] } }, "the policy in force here does not allow that"],
    ["the policy there forbids them", { policies: { version: 1, policies: [EDITABLE, { name: "not-b", match: "mcp:*:*", when: 'args.path == "/tmp/b"', action: "block", reason: "Not b", approval: "never" }] } }, "Not b"],
    ["something there redacts them", { policies: { version: 1, policies: [EDITABLE], inspection: { pii: { input: { email: "redact" } } } }, inspections: [REDACTS] }, "is not what people were asked about"],
  ])("the agent's side does not run them, because %s: the changed request ends at once, and says why", async (_, options, why) => {
    await begin(options);
    const { client, received } = await connect("v2 esm", {});
    const refused = refusalOf(client.callTool(WRITE));
    const { body } = await edit(ann, await pending(), EDITED);
    expect(["superseded", "policy_block"]).toContain((await refused).code);
    const ended = await until(async () => {
      const detail = await read(body.id);
      return detail.state === "cancelled" ? detail : undefined;
    });
    expect([ended.endReason, received]).toEqual([expect.stringContaining(why) as string, []]);
    expect(ended.endReason).toMatch(/^The agent's side does not run the changed call: /);
  });

  it("the caller goes away while the others are asked: the changed request ends with it", async () => {
    await activate(policy("{ edits: true, quorum: 2 }"));
    await begin();
    const { client, received } = await connect("v2 esm", {});
    const controller = new AbortController();
    const refused = refusalOf(client.callTool(WRITE, { signal: controller.signal }));
    const { body } = await edit(ann, await pending(), EDITED);
    await until(() => way.seen.some((line) => line === `GET /v1/approvals/${body.id}/asked`) || undefined);
    controller.abort();
    expect((await refused).code).toBe("cancelled");
    await until(async () => (await read(body.id)).state === "cancelled");
    expect(received).toEqual([]);
  });
});

describe("somebody between agent and control plane cannot make other arguments run than an approver saw", () => {
  const EVIL = { path: "/tmp/evil", content: "hello" };

  it("who changes the arguments on their way: they have not the digest of the request, and nothing runs", async () => {
    await begin();
    const { client, received } = await connect("v2 esm", {});
    way.rewrite = (line, text) => (line.endsWith("/edit") ? text.replace("/tmp/b", "/tmp/evil") : text);
    const refused = refusalOf(client.callTool(WRITE));
    const { body } = await edit(ann, await pending(), EDITED);
    expect((await refused).code).toBe("superseded");
    expect(received).toEqual([]);
    await until(async () => (await read(body.id)).state === "cancelled");
  });

  it("who changes the digest with them: the claim names the digest of what would be sent, and the control plane refuses it", async () => {
    await begin();
    const { client, received } = await connect("v2 esm", {});
    const refused = refusalOf(client.callTool(WRITE));
    const asked = await pending();
    const evil = await digestOf(asked, EVIL);
    const good = await digestOf(asked, EDITED);
    way.rewrite = (_, text) => text.replaceAll("/tmp/b", "/tmp/evil").replaceAll(good, evil);
    const { body } = await edit(ann, asked, EDITED);
    expect((await refused).code).not.toBe("approval_denied");
    expect([received, way.seen.includes(`POST /v1/approvals/${body.id}/claim`)]).toEqual([[], true]);
    expect((await read(body.id)).state).toBe("approved");
  });

  it("who invents an edit of a call that nobody changed: there is none to be read, and nothing runs", async () => {
    await begin();
    const { client, received } = await connect("v2 esm", {});
    const refused = refusalOf(client.callTool(WRITE));
    const asked = await pending();
    way.rewrite = (line, text) => (line.endsWith("/asked") || line.endsWith("/events") ? text.replaceAll('"state":"approved"', '"state":"superseded"').replaceAll('"supersededBy":null', `"supersededBy":"${asked.id}"`) : text);
    await approve(ann, asked);
    expect((await refused).code).toBe("control_plane_unavailable");
    expect(received).toEqual([]);
  });

  it("who invents one where the policy here allows none: refused before anything is claimed", async () => {
    await begin({ policies: { version: 1, policies: [{ name: "writes", match: "mcp:filesystem:write_file", action: "block", reason: "ask first" }] } });
    const { client, received } = await connect("v2 esm", {});
    const refused = refusalOf(client.callTool(WRITE));
    const asked = await pending();
    way.rewrite = (line, text) => {
      if (line.endsWith("/edit")) return JSON.stringify({ request: { ...(JSON.parse(lastAsked) as object), state: "approved" }, argumentsText: canonicalJson(EVIL) });
      if (line.endsWith("/asked")) lastAsked = text;
      return line.endsWith("/asked") || line.endsWith("/events") ? text.replaceAll('"state":"approved"', '"state":"superseded"').replaceAll('"supersededBy":null', `"supersededBy":"${asked.id}"`) : text;
    };
    let lastAsked = "{}";
    await approve(ann, asked);
    expect(["superseded", "control_plane_unavailable"]).toContain((await refused).code);
    expect([received, way.seen.filter((line) => line.endsWith("/claim"))]).toEqual([[], []]);
  });

  it("who answers a question with a request about another call: nobody was asked", async () => {
    await begin();
    const { client, received } = await connect("v2 esm", {});
    way.rewrite = (line, text) => (line === "POST /v1/approvals" ? text.replace(/"callDigest":"[0-9a-f]{64}"/, `"callDigest":"${"0".repeat(64)}"`) : text);
    const error = await refusalOf(client.callTool(WRITE));
    expect([error.code, received]).toEqual(["control_plane_unavailable", []]);
  });
});

async function refusalOrResult(call: Promise<{ content: readonly { text: string }[] }>): Promise<string> {
  return call.then((result) => result.content.at(-1)?.text ?? "", (error: unknown) => String(Reflect.get(Object(error), "code")));
}

/** The digest of the call that was asked about with other arguments, made as the design says. */
async function digestOf(asked: Detail, args: JsonObject): Promise<string> {
  const { server, serverIdentity, tool, definition, contextText } = await staff.must<{ server: string; serverIdentity: string | null; tool: string; definition: string; contextText: string }>(ann, "GET", `/v1/approvals/${asked.id}`);
  const bound = canonicalJson({ server: { name: server, identity: serverIdentity }, tool, definition, arguments: args, context: JSON.parse(contextText) as JsonObject });
  return createHash("sha256").update(`countersign/call/v1\0${bound}`).digest("hex");
}
