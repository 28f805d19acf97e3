/** A gateway before a server at an address: how it ends, what it answers when the server dies, stops, or was never there. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { HttpProgram } from "./http-gateway.ts";
import { ALLOW_ALL, COUNTERSIGN, gatewayAt, initializeParams } from "./real-servers.ts";
import { startEverything } from "./remote-servers.ts";
import { read, startPeer, type StdioPeer } from "./stdio-peer.ts";

const SECRET = "sk-of-the-gateway-0123456789";
let home: string;
let state: string;
let policies: string;
let server: HttpProgram | undefined;
const peers: StdioPeer[] = [];

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), "countersign-remote-endings-"));
  policies = join(home, "allow.yaml");
  writeFileSync(policies, ALLOW_ALL);
});
beforeEach(() => (state = mkdtempSync(join(home, "state-"))) && undefined);
afterEach(async () => {
  for (const peer of peers.splice(0)) await peer.kill();
  await server?.kill();
  server = undefined;
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

async function start(url: string, options: readonly string[] = [], isThere = true): Promise<StdioPeer> {
  const peer = startPeer(gatewayAt(url, ["--policies", policies, "--no-control-plane", "--dir", state, "--header-env", "X-Key=KEY_OF_THE_TEST", ...options]), { env: { KEY_OF_THE_TEST: SECRET } });
  peers.push(peer);
  if (!isThere) return peer;
  await peer.ask(0, "initialize", initializeParams());
  peer.send({ jsonrpc: "2.0", method: "notifications/initialized" });
  await peer.ask(1, "tools/list");
  return peer;
}
const long = { name: "trigger-long-running-operation", arguments: { duration: 8, steps: 80 }, _meta: { progressToken: "p" } };
const underWay = async (peer: StdioPeer, id: number): Promise<void> => {
  peer.send({ jsonrpc: "2.0", id, method: "tools/call", params: long });
  await peer.heard(({ method }) => method === "notifications/progress");
};
/** How the recorded executions ended. */
const outcomes = (): readonly unknown[] =>
  readdirSync(join(state, "record"))
    .filter((name) => name.endsWith(".jsonl"))
    .flatMap((name) => readFileSync(join(state, "record", name), "utf8").trimEnd().split("\n"))
    .map((row) => (read(row)["body"] ?? read(row)) as { readonly type?: string; readonly outcome?: string }) // rows are objects
    .filter(({ type }) => type === "outcome")
    .map(({ outcome }) => outcome);

describe.each(["streamableHttp", "sse"] as const)("before a server over %s", (transport) => {
  it("that is killed in the middle of a call, whoever waits is told that nobody knows whether it ran, and the record says so", async () => {
    server = await startEverything(transport);
    const peer = await start(server.url);
    await underWay(peer, 2);
    await server.kill();
    const { error } = read(await peer.heard(({ id }) => id === 2)) as { error: { message: string } }; // said below
    expect(error.message).toMatch(/whether the request was carried out is not known/i);
    if (transport === "streamableHttp") expect(read(await peer.ask(3, "ping"))).toMatchObject({ error: { message: expect.stringContaining("cannot be reached: nobody listens there (ECONNREFUSED). The request was not sent.") } });
    expect(await peer.end()).toBe(transport === "sse" ? 69 : 0);
    expect(outcomes()).toEqual(["outcome_unknown"]);
  });

  it("that has stopped without a word, it still ends in time when its client goes", async () => {
    server = await startEverything(transport);
    const peer = await start(server.url);
    await underWay(peer, 2);
    process.kill(server.pid, "SIGSTOP");
    const began = performance.now();
    expect(await peer.end()).toBe(0);
    expect(performance.now() - began).toBeLessThan(4_000);
    expect(outcomes()).toEqual(["outcome_unknown"]);
  });
});

it("a server that was started anew has no such session: the gateway says so and ends with 69", async () => {
  server = await startEverything("streamableHttp");
  const peer = await start(server.url);
  const { port } = new URL(server.url);
  await server.kill();
  // Official servers answer 400 to a session that they do not know; as MCP wants it, 404.
  const { createServer } = await import("node:http");
  const fresh = createServer((_, response) => void response.writeHead(404).end());
  await new Promise<void>((resolve, reject) => fresh.once("error", reject).listen(Number(port), "127.0.0.1", resolve));
  try {
    expect(read(await peer.ask(2, "tools/call", { name: "echo", arguments: { message: "x" } }))).toMatchObject({ error: { message: expect.stringContaining("The server has ended the session (404): start the client anew.") } });
    expect(await peer.ended).toBe(69);
    expect(peer.errors()).toContain("The server has ended the session");
  } finally {
    fresh.closeAllConnections();
    await new Promise((resolve) => fresh.close(resolve));
  }
});

it("a server that was never there is named to the client, and the gateway waits for its client to go", async () => {
  const peer = await start("http://127.0.0.1:9/mcp", [], false);
  expect(read(await peer.ask(0, "initialize", initializeParams()))).toMatchObject({ error: { message: expect.stringContaining("the server at http://127.0.0.1:9 cannot be reached") } });
  expect(await peer.end()).toBe(0);
});

it("no secret is in what it says or writes, and wrong usage is 2 without one", async () => {
  server = await startEverything("streamableHttp");
  const peer = await start(`${server.url}?key=${SECRET}`, ["--header", `Authorization: Bearer ${SECRET}`]);
  await peer.ask(2, "tools/call", { name: "echo", arguments: { message: "x" } });
  await server.kill();
  await peer.ask(3, "tools/call", { name: "echo", arguments: { message: "x" } });
  await peer.end();
  const written = readdirSync(state, { recursive: true, encoding: "utf8", withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => readFileSync(join(entry.parentPath, entry.name), "latin1"));
  expect([peer.errors(), ...peer.lines, ...written].join("\n")).not.toContain(SECRET);
  for (const wrong of [
    ["--url", `https://user:${SECRET}@example.com/mcp`],
    ["--url", "example.com/mcp"],
    ["--url", "file:///etc/passwd"],
    ["--url", "https://example.com/mcp", "--", "true"],
    ["--url", "https://example.com/mcp", "--transport", "websocket"],
    ["--url", "https://example.com/mcp", "--header", SECRET],
    ["--url", "https://example.com/mcp", "--header", `X-Key: ${SECRET}\u0001`],
    ["--url", "https://example.com/mcp", "--header", "Mcp-Session-Id: 1"],
    ["--url", "https://example.com/mcp", "--header-env", "X-Key=NOT_SET_ANYWHERE"],
    ["--url", "https://example.com/mcp", "--header-env", "X-Key"],
  ]) {
    const ended = startPeer([process.execPath, COUNTERSIGN, "gateway", "--policies", policies, "--no-control-plane", "--dir", state, ...wrong]);
    peers.push(ended);
    expect([wrong, await ended.ended]).toEqual([wrong, 2]);
    expect([wrong, ended.errors().includes(SECRET), ended.lines]).toEqual([wrong, false, []]);
  }
});
