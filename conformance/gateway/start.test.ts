/** How a gateway starts: the client has its tools before anything is loaded that decides, and no call gets past what is not there yet. */
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { gatewayBefore, initializeParams } from "./real-servers.ts";
import { read, startPeer, textOf, type StdioPeer } from "./stdio-peer.ts";

/** Writes down each call that reaches it. */
const SERVER = `
const { appendFileSync } = require("node:fs");
process.stdin.on("data", (chunk) => { for (const line of String(chunk).trim().split("\\n")) {
  const { id, method, params } = JSON.parse(line);
  if (id === undefined) continue;
  if (method === "tools/list") appendFileSync(process.argv[1] + ".listed", "");
  if (method === "tools/call") appendFileSync(process.argv[1], params.name + "\\n");
  const result = method === "tools/list" ? { tools: ["read", "write"].map((name) => ({ name, inputSchema: { type: "object" } })) } : { content: [{ type: "text", text: "ran" }], protocolVersion: "2025-11-25", capabilities: { tools: {} }, serverInfo: { name: "s", version: "1" } };
  console.log(JSON.stringify({ jsonrpc: "2.0", id, result }));
} })`;
const POLICIES = "version: 1\ndefault: allow\npolicies:\n  - name: no-writes\n    match: mcp:files:write\n    action: block\n    approval: never\n";

let home: string;
let peer: StdioPeer;
const arrived = (): string => (existsSync(join(home, "arrived")) ? readFileSync(join(home, "arrived"), "utf8") : "");
function start(policies: string): StdioPeer {
  writeFileSync(join(home, "policies.yaml"), policies);
  return (peer = startPeer(gatewayBefore([process.execPath, "-e", SERVER, join(home, "arrived")], ["--name", "files", "--policies", join(home, "policies.yaml"), "--no-control-plane", "--dir", join(home, "state")])));
}
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "countersign-start-"));
});
afterEach(async () => {
  await peer.kill();
  rmSync(home, { recursive: true, force: true });
});

it("R36: calls that are the first messages of all wait for their policies: what is blocked does not reach the server, what is allowed does", async () => {
  start(POLICIES);
  for (const [id, name] of [[1, "write"], [2, "read"], [3, "write"]] as const) peer.send({ jsonrpc: "2.0", id, method: "tools/call", params: { name, arguments: {} } });
  const [first, second, third] = await Promise.all([1, 2, 3].map((id) => peer.heard((message) => message["id"] === id)));
  expect(textOf(second ?? "")).toBe("ran");
  for (const blocked of [first, third]) expect(textOf(blocked ?? "")).toContain("It did not run");
  expect(arrived()).toBe("read\n");
  expect(await peer.end()).toBe(0);
});

it("tools are listed before the record or a policy is opened; both are there soon after, without a call", async () => {
  const record = join(home, "state", "record");
  const began = Date.now();
  start(POLICIES);
  await peer.ask(1, "initialize", initializeParams());
  expect(await peer.ask(2, "tools/list")).toContain('"write"');
  await expect.poll(() => existsSync(record)).toBe(true);
  // Looked at afterwards: this process may be slow to hear. A client that lists nothing is waited for no longer than a second.
  expect(statSync(record).birthtimeMs).toBeGreaterThan(Math.min(statSync(join(home, "arrived.listed")).mtimeMs, began + 1_000));
});

it("policies that cannot be in force end the gateway with 1 after the client has its tools; a call that waits for them does not run", async () => {
  start("version: 1\npolicies: [{ name: x }]\n");
  await peer.ask(1, "initialize", initializeParams());
  await peer.ask(2, "tools/list");
  expect(textOf(await peer.ask(3, "tools/call", { name: "read", arguments: {} }))).toContain("did not run");
  expect(await peer.ended).toBe(1);
  expect(peer.errors()).toContain("policies.yaml:2");
  expect(arrived()).toBe("");
});

it("a client that leaves while nothing is loaded yet leaves a gateway that ends in good order", async () => {
  start(POLICIES);
  await peer.ask(1, "initialize", initializeParams());
  await peer.ask(2, "tools/list");
  expect(await peer.end()).toBe(0);
  expect(read(peer.lines.at(-1) ?? "")).toMatchObject({ id: 2 });
});
