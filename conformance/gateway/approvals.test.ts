/** A call that a policy holds, through the gateway, with a control plane and a person: R25, and R11 where the client goes first. */
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { exchange } from "../crash/fixture/person.ts";
import { startGovernedServer, type GovernedServer } from "./governed-server.ts";
import { read, textOf, type StdioPeer } from "./stdio-peer.ts";

let at: GovernedServer;
let peers: StdioPeer[] = [];
beforeAll(async () => {
  at = await startGovernedServer();
});
afterEach(async () => {
  for (const peer of peers) await peer.end();
  peers = [];
});
afterAll(() => at.close());

async function connect(options?: readonly string[]): Promise<StdioPeer> {
  const peer = await at.connect(options);
  peers.push(peer);
  return peer;
}
const inbox = (): string => `http://localhost:${at.plane.port}`;
const write = (name: string, meta?: object): object => ({ name: "write_file", arguments: { path: join(at.root, name), content: name }, ...(meta === undefined ? {} : { _meta: meta }) });
const answered = (peer: StdioPeer, id: number): Promise<string> => peer.heard((message) => message["id"] === id && message["method"] === undefined);
const ask = (peer: StdioPeer, id: number, params: object): void => peer.send({ jsonrpc: "2.0", id, method: "tools/call", params });

it("waits for a person, runs once when they approve, and answers with the server's own result", async () => {
  const peer = await connect();
  ask(peer, 1, write("approved.txt"));
  const request = await at.owner.sees("pending");
  expect(at.files()).not.toContain("approved.txt");
  expect(await at.owner.vote(request)).toBe(200);
  expect(read(await answered(peer, 1))).toMatchObject({ result: { content: [{ text: expect.stringContaining("Successfully wrote") }] } });
  expect(readFileSync(join(at.root, "approved.txt"), "utf8")).toBe("approved.txt");
  await at.owner.sees("completed");
  const { agent, server, transport, ownerId, votes, narration } = await at.owner.detail(request.id);
  expect({ agent, server, transport }).toEqual({ agent: "tester", server: "filesystem", transport: "stdio" });
  // What this machine's gateways ask is its owner's own, and the record says that they approved it themselves.
  expect(votes).toMatchObject([{ personId: ownerId, selfApproved: true }]);
  expect(narration.definition).toMatchObject({ name: "write_file" });
});

it("asks as this machine's gateways, under the owner's name, with a key that is for this user alone", async () => {
  const kept = join(at.plane.directory, "gateway.key");
  expect(statSync(kept).mode & 0o777).toBe(0o600);
  const { secret } = JSON.parse(readFileSync(kept, "utf8")) as { secret: string }; // written by the program
  for (const [method, path, body] of [["GET", "/v1/approvals"], ["POST", "/v1/owner-link"], ["POST", "/v1/gateway-key", { name: "x" }]] as const) {
    expect([path, (await exchange(at.plane.url, method, path, { authorization: `Bearer ${secret}` }, body)).status]).toEqual([path, 403]);
  }
});

it("a denial reaches the model as a tool result with what the approver said", async () => {
  const peer = await connect();
  ask(peer, 1, write("denied.txt"));
  const request = await at.owner.sees("pending");
  await at.owner.vote(request, "deny");
  const line = await answered(peer, 1);
  expect(read(line)).toMatchObject({ result: { isError: true } });
  expect(textOf(line)).toContain("Writes need approval. A person denied it; it did not run.");
  expect(at.files()).not.toContain("denied.txt");
});

it("silence is no yes: the request expires, and the model is told", async () => {
  const peer = await connect();
  ask(peer, 1, { name: "move_file", arguments: { source: join(at.root, "approved.txt"), destination: join(at.root, "moved.txt") } });
  expect(textOf(await answered(peer, 1))).toContain("Nobody approved it in time; it did not run.");
  expect(at.files()).not.toContain("moved.txt");
  await at.owner.sees("expired");
});

it("a client that gave no progress token is answered in time; the same call again joins, and runs once, whoever approves when", async () => {
  const peer = await connect(["--hold", "0.5"]);
  ask(peer, 1, write("later.txt"));
  const first = await answered(peer, 1);
  const request = await at.owner.sees("pending");
  expect(textOf(first)).toContain(`Approval request ${request.id} can be answered at ${inbox()}/requests/${request.id} until `);
  ask(peer, 2, write("later.txt"));
  expect(textOf(await answered(peer, 2))).toContain(request.id);
  await at.owner.vote(request);
  ask(peer, 3, write("later.txt"));
  expect(read(await answered(peer, 3))["result"]).not.toHaveProperty("isError");
  await at.owner.sees("completed");
  // Spent: the same call is a new question now.
  ask(peer, 4, write("later.txt"));
  expect(textOf(await answered(peer, 4))).not.toContain(request.id);
  await at.owner.vote(await at.owner.sees("pending"), "deny");
});

it("the same call five times at once is one request and runs once", async () => {
  const peer = await connect();
  for (let id = 1; id <= 5; id += 1) ask(peer, id, write("once.txt"));
  await at.owner.vote(await at.owner.sees("pending"));
  const lines = await Promise.all([1, 2, 3, 4, 5].map((id) => answered(peer, id)));
  const ran = lines.filter((line) => textOf(line).includes("Successfully wrote"));
  expect(ran).toHaveLength(1);
  expect(lines.filter((line) => textOf(line).includes("did not run a second time"))).toHaveLength(4);
});

it("a client with a progress token is kept up to date until the end", async () => {
  const peer = await connect(["--hold", "0.1"]);
  ask(peer, 1, write("token.txt", { progressToken: "t" }));
  const request = await at.owner.sees("pending");
  const line = await peer.heard(({ method }) => method === "notifications/progress");
  expect(read(line)).toMatchObject({ params: { progressToken: "t", message: `Waiting for approval at ${inbox()}/requests/${request.id} (request ${request.id})` } });
  await at.owner.vote(request);
  expect(textOf(await answered(peer, 1))).toContain("Successfully wrote");
});

it("R11: a call that its client cancelled, or whose client has left, never runs", async () => {
  const peer = await connect();
  ask(peer, 1, write("cancelled.txt"));
  const request = await at.owner.sees("pending");
  peer.send({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 1 } });
  await at.owner.sees("cancelled");
  expect(await at.owner.vote(request)).not.toBe(200);
  ask(peer, 2, write("left.txt"));
  const other = await at.owner.sees("pending");
  await peer.end();
  await at.owner.sees("cancelled");
  expect(await at.owner.vote(other)).not.toBe(200);
  expect(at.files()).not.toContain("cancelled.txt");
  expect(at.files()).not.toContain("left.txt");
});

it("an edit by the approver runs as edited, and the model is told which arguments were changed", async () => {
  const peer = await connect();
  ask(peer, 1, { name: "create_directory", arguments: { path: join(at.root, "asked") } });
  const request = await at.owner.sees("pending");
  expect(await at.edit(request, { path: join(at.root, "edited") })).toBeLessThan(300);
  const { result } = read(await answered(peer, 1)) as { result: { content: readonly { text: string }[] } }; // as MCP says
  expect(result.content.at(-1)?.text).toBe("Arguments were changed by the approver: path");
  expect(at.files()).toContain("edited");
  expect(at.files()).not.toContain("asked");
});

it("what needs no approval runs while people are asked about something else", async () => {
  const peer = await connect();
  ask(peer, 1, write("held.txt"));
  await at.owner.sees("pending");
  expect(read(await peer.ask(2, "tools/call", { name: "list_allowed_directories", arguments: {} }))).toMatchObject({ result: { content: [{ type: "text" }] } });
  peer.send({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 1 } });
  await at.owner.sees("cancelled");
});
