/** How a gateway ends: with its client, with its server, killed, told to; what it answers then, and that it leaves no process behind. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { isAlive, processesWith, startGovernedServer, type GovernedServer } from "./governed-server.ts";
import { ALLOW_ALL, COUNTERSIGN, gatewayBefore, initializeParams } from "./real-servers.ts";
import { read, startPeer, textOf, type StdioPeer } from "./stdio-peer.ts";

const STUBBORN = fileURLToPath(new URL("stubborn-server.ts", import.meta.url));
let home: string;
let policies: string;
let at: GovernedServer;
const peers: StdioPeer[] = [];

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), "countersign-endings-"));
  policies = join(home, "allow.yaml");
  writeFileSync(policies, ALLOW_ALL);
  at = await startGovernedServer();
});
afterEach(async () => {
  for (const peer of peers.splice(0)) await peer.kill();
});
afterAll(async () => {
  await at.close();
  rmSync(home, { recursive: true, force: true });
});

const alone = (): readonly string[] => ["--policies", policies, "--no-control-plane", "--dir", join(home, "state")];
function start(command: readonly string[], options = alone()): StdioPeer {
  const peer = startPeer(gatewayBefore(command, options));
  peers.push(peer);
  return peer;
}
async function startStubborn(name: string): Promise<{ readonly peer: StdioPeer; readonly pids: readonly number[] }> {
  const pidFile = join(home, name);
  const peer = start([process.execPath, STUBBORN, pidFile]);
  await peer.ask(1, "initialize", initializeParams());
  return { peer, pids: JSON.parse(readFileSync(pidFile, "utf8")) as readonly number[] }; // written by the server
}
const areGone = async (pids: readonly number[], withinMs: number): Promise<void> => {
  await expect.poll(() => pids.filter(isAlive), { timeout: withinMs, interval: 50 }).toEqual([]);
};
const RESPONDER = `process.stdin.on("data", (chunk) => { for (const line of String(chunk).trim().split("\\n")) { const { id, method } = JSON.parse(line); if (method === "die") process.exit(Number(process.argv[1])); if (method === "signal") process.kill(process.pid, "SIGKILL"); console.log(JSON.stringify({ jsonrpc: "2.0", id, result: { tools: [{ name: "hang", inputSchema: { type: "object" } }] } })); } })`;

describe("no process is left behind", () => {
  it("when the client closes: a server that ignores that, and SIGTERM, is killed with what it started", async () => {
    const { peer, pids } = await startStubborn("closes");
    expect(pids.filter(isAlive)).toEqual(pids);
    expect(await peer.end()).toBe(0);
    await areGone(pids, 1_000);
    await expect.poll(() => processesWith(`countersign-watchdog\0${pids[0]}\0`)).toEqual([]);
  });

  it("when the gateway is killed outright", async () => {
    const { peer, pids } = await startStubborn("killed");
    expect(processesWith(`countersign-watchdog\0${pids[0]}\0`)).toHaveLength(1);
    await peer.kill("SIGKILL");
    await areGone(pids, 6_000);
  });

  it("when the client is killed outright, and its end of the pipe with it", async () => {
    const pidFile = join(home, "client-killed");
    const line = gatewayBefore([process.execPath, STUBBORN, pidFile], alone());
    const client = `const { spawn } = require("node:child_process"); const [program, ...args] = ${JSON.stringify(line)}; const child = spawn(program, args, { stdio: ["pipe", "pipe", "ignore"] }); console.log(JSON.stringify({ gateway: child.pid })); setInterval(() => {}, 1000);`;
    const peer = startPeer([process.execPath, "-e", client]);
    peers.push(peer);
    const { gateway } = read(await peer.heard(({ gateway: pid }) => pid !== undefined)) as { gateway: number }; // said above
    await expect.poll(() => existsSync(pidFile)).toBe(true);
    await peer.kill("SIGKILL");
    const pids = JSON.parse(readFileSync(pidFile, "utf8")) as readonly number[]; // written by the server
    await areGone([gateway, ...pids], 8_000);
  });

  it("when the gateway is told to end", async () => {
    const { peer, pids } = await startStubborn("told");
    await peer.kill("SIGTERM");
    await areGone(pids, 1_000);
  });
});

describe("the exit code", () => {
  it.each([0, 3, 70])("is the server's own where it ends by itself: %i", async (code) => {
    const peer = start([process.execPath, "-e", RESPONDER, String(code)]);
    await peer.ask(1, "ping");
    peer.send({ jsonrpc: "2.0", id: 2, method: "die" });
    expect(await peer.ended).toBe(code);
  });

  it("is 137 where the server was killed", async () => {
    const peer = start([process.execPath, "-e", RESPONDER]);
    await peer.ask(1, "ping");
    peer.send({ jsonrpc: "2.0", id: 2, method: "signal" });
    expect(await peer.ended).toBe(137);
  });

  it("is 127 for a command that is not there, and 126 for one that cannot be run", async () => {
    const missing = start(["no-such-command-of-anybody"]);
    expect(await missing.ended).toBe(127);
    expect(missing.errors()).toContain("the server could not be started");
    const denied = start([policies]);
    expect(await denied.ended).toBe(126);
  });

  it("is 2 for wrong usage and 1 for policies that cannot be in force, and no server goes on under them", async () => {
    const broken = join(home, "broken.yaml");
    writeFileSync(broken, "version: 1\npolicies: [{ name: x }]\n");
    const peer = start([process.execPath, "-e", RESPONDER], ["--policies", broken, "--no-control-plane", "--dir", join(home, "state")]);
    expect(await peer.ended).toBe(1);
    expect(peer.errors()).toContain("broken.yaml:2");
    for (const args of [["gateway"], ["gateway", "--no-control-plane", "--", "true"], ["gateway", "--hold", "no", "--", "true"], ["gateway", "--unknown", "--", "true"]]) {
      const wrong = startPeer([process.execPath, COUNTERSIGN, ...args], { env: { COUNTERSIGN_POLICIES: "" } });
      peers.push(wrong);
      expect([args, await wrong.ended, wrong.lines]).toEqual([args, 2, []]);
    }
  });
});

it("a call that the server dies over is answered as unknown before the gateway ends, and recorded so", async () => {
  const peer = start([process.execPath, "-e", RESPONDER.replace("if (method ===", 'if (method === "tools/call") process.exit(5); if (method ===')]);
  await peer.ask(1, "tools/list");
  peer.send({ jsonrpc: "2.0", id: 2, method: "tools/call", params: { name: "hang", arguments: {} } });
  expect(read(await peer.heard(({ id }) => id === 2))).toMatchObject({ error: { code: -32_000, message: expect.stringContaining("whether the tool ran is not known") } });
  expect(await peer.ended).toBe(5);
});

it("a call that waits for people when its gateway is killed does not run by itself; the same call again joins what was approved, and runs once", async () => {
  const peer = await at.connect();
  peers.push(peer);
  const call = { name: "write_file", arguments: { path: join(at.root, "killed.txt"), content: "x" } };
  peer.send({ jsonrpc: "2.0", id: 1, method: "tools/call", params: call });
  const request = await at.owner.sees("pending");
  await peer.kill("SIGKILL");
  await at.owner.vote(request);
  expect(at.files()).not.toContain("killed.txt");
  // The same call, from the same agent: it joins what was approved, and runs once.
  const next = await at.connect();
  peers.push(next);
  expect(textOf(await next.ask(2, "tools/call", call))).toContain("Successfully wrote");
  // Its outcome is told after its result.
  await expect.poll(async () => (await at.owner.requests(5)).filter(({ callDigest }) => callDigest === request.callDigest)).toMatchObject([{ id: request.id, state: "completed" }]);
  expect(await next.end()).toBe(0);
});

it("a server that dies while people are asked takes the question with it", async () => {
  const peer = await at.connect();
  peers.push(peer);
  peer.send({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "write_file", arguments: { path: join(at.root, "dead.txt"), content: "x" } } });
  const request = await at.owner.sees("pending");
  const servers = (): readonly number[] => processesWith(at.root).filter((pid) => !readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(COUNTERSIGN));
  await expect.poll(() => servers().length).toBe(1); // those of gateways that were killed may be on their way out
  const [server] = servers();
  if (server === undefined) throw new Error("the server is not there");
  process.kill(server, "SIGKILL");
  expect(textOf(await peer.heard(({ id }) => id === 1))).toContain("did not run");
  expect(await peer.ended).toBe(137);
  await at.owner.sees("cancelled");
  expect(await at.owner.vote(request)).not.toBe(200);
});
