/** DESIGN §7: a gateway joins the control plane that owns the state directory, and starts it where none runs. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { signInOwner } from "../crash/fixture/installation.ts";
import { personAt } from "../crash/fixture/person.ts";
import { POLICY } from "./governed-server.ts";
import { COUNTERSIGN, gatewayBefore, initializeParams, SERVERS } from "./real-servers.ts";
import { read, startPeer, textOf, type StdioPeer } from "./stdio-peer.ts";

let home: string;
let directory: string;
let policies: string;
let peers: StdioPeer[];
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "countersign-joining-"));
  directory = join(home, "state");
  policies = join(home, "policy.yaml");
  writeFileSync(policies, POLICY);
  peers = [];
});
afterEach(async () => {
  for (const peer of peers) await peer.end();
  const down = spawnSync(process.execPath, [COUNTERSIGN, "down", "--dir", directory], { encoding: "utf8", env: { ...process.env, COUNTERSIGN_URL: "" } });
  expect([down.status, down.stderr]).toEqual([0, ""]);
  await expect.poll(() => fetchState()).toBeUndefined();
  rmSync(home, { recursive: true, force: true });
});

function fetchState(): { readonly url: string } | undefined {
  try {
    return JSON.parse(readFileSync(join(directory, "control.json"), "utf8")) as { url: string }; // written by the control plane
  } catch {
    return undefined;
  }
}
async function connect(options: readonly string[]): Promise<StdioPeer> {
  const peer = startPeer(gatewayBefore(SERVERS.filesystem(home), ["--name", "filesystem", "--dir", directory, ...options]), { env: { COUNTERSIGN_URL: "", COUNTERSIGN_POLICIES: "" } });
  peers.push(peer);
  await peer.ask("init", "initialize", initializeParams());
  return peer;
}
const write = (name: string): object => ({ name: "write_file", arguments: { path: join(home, name), content: "x" } });

it("starts a control plane where none runs, which outlives it; two gateways that start at once share it and its key; the owner comes later", async () => {
  const [one, two] = await Promise.all([connect(["--policies", policies]), connect(["--policies", policies])]);
  one.send({ jsonrpc: "2.0", id: 1, method: "tools/call", params: write("one") });
  two.send({ jsonrpc: "2.0", id: 1, method: "tools/call", params: write("two") });
  await expect.poll(() => fetchState()?.url, { timeout: 9_000 }).toBeDefined();
  const url = fetchState()?.url ?? "";
  const { headers } = await signInOwner(url, directory);
  const owner = personAt(() => url, headers);
  await expect.poll(async () => (await owner.requests()).filter(({ state }) => state === "pending").length, { timeout: 9_000 }).toBe(2);
  for (const request of await owner.requests()) expect(await owner.vote(request)).toBe(200);
  for (const peer of [one, two]) expect(textOf(await peer.heard(({ id }) => id === 1))).toContain("Successfully wrote");
  expect(await one.end()).toBe(0);
  expect((await fetch(new URL("/healthz", url))).status).toBe(200);
  // Nobody's link was printed, on either stream.
  for (const peer of [one, two]) expect(peer.lines.join("") + peer.errors()).not.toContain("#link=");
});

it("starts the control plane again where it has died, at the same place, and the call waits for that", async () => {
  const peer = await connect(["--policies", policies]);
  expect(textOf(await peer.ask(1, "tools/call", { name: "list_allowed_directories", arguments: {} }))).toContain("Allowed");
  const { url, pid } = fetchState() as { url: string; pid: number }; // it has answered
  const { headers } = await signInOwner(url, directory);
  process.kill(pid, "SIGKILL");
  expect(textOf(await peer.ask(2, "tools/call", { name: "list_allowed_directories", arguments: {} }))).toContain("Allowed");
  peer.send({ jsonrpc: "2.0", id: 3, method: "tools/call", params: write("revived") });
  const owner = personAt(() => url, headers);
  await owner.vote(await owner.sees("pending"));
  expect(textOf(await peer.heard(({ id }) => id === 3))).toContain("Successfully wrote");
  expect(fetchState()).toMatchObject({ url });
});

it("a control plane that does not answer for a moment is waited for: all calls of a burst are asked about", async () => {
  const peer = await connect(["--policies", policies]);
  expect(textOf(await peer.ask(1, "tools/call", { name: "list_allowed_directories", arguments: {} }))).toContain("Allowed");
  const { url, pid } = fetchState() as { url: string; pid: number }; // it has answered
  const { headers } = await signInOwner(url, directory);
  process.kill(pid, "SIGSTOP");
  const goOn = setTimeout(() => process.kill(pid, "SIGCONT"), 4_200);
  try {
    for (let n = 0; n < 60; n++) peer.send({ jsonrpc: "2.0", id: 100 + n, method: "tools/call", params: write(`burst-${n}`) });
    await new Promise((resolve) => setTimeout(resolve, 4_300));
    const owner = personAt(() => url, headers);
    await expect.poll(async () => (await owner.requests()).filter(({ state }) => state === "pending").length).toBe(60);
  } finally {
    clearTimeout(goOn);
    process.kill(pid, "SIGCONT");
  }
  expect(peer.lines.filter((line) => /"id":1\d\d\b/.test(line))).toEqual([]);
});

it("follows a control plane that is started again at another port: a call that is held is asked about there, and runs", async () => {
  const peer = await connect(["--policies", policies]);
  expect(textOf(await peer.ask(1, "tools/call", { name: "list_allowed_directories", arguments: {} }))).toContain("Allowed");
  const { url, pid } = fetchState() as { url: string; pid: number }; // it has answered
  await signInOwner(url, directory);
  process.kill(pid, "SIGKILL");
  const squatter = await takePort(Number(new URL(url).port));
  try {
    peer.send({ jsonrpc: "2.0", id: 2, method: "tools/call", params: write("moved") });
    await expect.poll(() => (fetchState()?.url ?? url) !== url, { timeout: 9_000 }).toBe(true);
    const now = fetchState()?.url ?? "";
    const { headers } = await signInOwner(now, directory);
    const owner = personAt(() => now, headers);
    await owner.vote(await owner.sees("pending"));
    expect(textOf(await peer.heard(({ id }) => id === 2))).toContain("Successfully wrote");
    expect(peer.errors()).toContain(`the control plane listens at ${now} now, and is asked there`);
  } finally {
    await new Promise((resolve) => squatter.close(resolve));
  }
});

/** As soon as the one that had it lets go. */
async function takePort(port: number): Promise<Server> {
  for (;;) {
    const server = createServer((socket) => socket.destroy());
    const taken = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => resolve(true));
    });
    if (taken) return server;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

it("where the control plane has no policies and the gateway has none, every call is refused, with what to do", async () => {
  const peer = await connect([]);
  expect(read(await peer.ask(1, "tools/list"))).toHaveProperty("result");
  const line = await peer.ask(2, "tools/call", { name: "list_allowed_directories", arguments: {} });
  expect(read(line)).toMatchObject({ result: { isError: true } });
  expect(textOf(line)).toContain("no policy is in force");
  expect(textOf(line)).toContain("`countersign policy push FILE`");
  expect(peer.errors()).toContain("no policy document is in force, so every call is refused");
  expect(peer.errors()).not.toContain("last good one");
});
