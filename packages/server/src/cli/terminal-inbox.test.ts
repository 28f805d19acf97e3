// Deciding at a terminal: the built program against a running control plane, on a real terminal.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import type { JsonObject } from "@countersign/sdk";
import { askBodyOf } from "../control/fixture/open-embedded.ts";
import { createOperator, MAIN, until, type Operator, type Running } from "./fixture/operator.ts";
import { openTerminal, whyNoTerminal, type Terminal } from "./fixture/terminal.ts";

interface Detail {
  readonly id: string;
  readonly requestDigest: string;
  readonly state: string;
  readonly votes: readonly { readonly choice: string; readonly channel: string; readonly reason: string }[];
}

let operator: Operator;
let running: Running;
let token: string;
let agent: string;
let terminals: Terminal[] = [];
const missing = whyNoTerminal();

beforeAll(async () => {
  operator = createOperator();
  running = await operator.up();
  token = await operator.login(running.url);
  const { body: me } = await operator.as<{ person: { id: string } }>(token, running.url, "GET", "/v1/me");
  agent = (await operator.as<{ secret: string }>(token, running.url, "POST", "/v1/keys", { name: "bot", ownerId: me.person.id, expiresAt: null })).body.secret;
}, 30_000);
afterEach(() => {
  for (const terminal of terminals) terminal.close();
  terminals = [];
});
afterAll(() => operator.close());

let asked = 0;

async function ask(args: JsonObject = {}, change: object = {}): Promise<Detail> {
  asked += 1;
  const { body } = await operator.as<{ request: { id: string } }>(agent, running.url, "POST", "/v1/approvals", askBodyOf({ path: `/tmp/${asked}`, ...args }, change));
  return detail(body.request.id);
}
const detail = async (id: string): Promise<Detail> => (await operator.as<Detail>(token, running.url, "GET", `/v1/approvals/${id}`)).body;

const deny = ({ id, requestDigest }: Detail) => operator.as(token, running.url, "POST", `/v1/approvals/${id}/vote`, { choice: "deny", requestDigest, viewedDigest: null, reason: "", grant: null });

function onTerminal(...args: readonly string[]): Terminal {
  const terminal = openTerminal(`'${process.execPath}' '${MAIN}' ${args.map((arg) => `'${arg}'`).join(" ")}`, operator.env);
  terminals.push(terminal);
  return terminal;
}

const see = (terminal: Terminal, text: string | RegExp): Promise<string> =>
  until(() => {
    const shown = terminal.screen();
    return (typeof text === "string" ? shown.includes(text) : text.test(shown)) ? shown : undefined;
  });

/** What is typed right after a question is drawn does not count, and is told so: typed again until it stands there. */
async function type(terminal: Terminal, text: string): Promise<void> {
  await press(terminal, ["-l", text], () => terminal.screen().trimEnd().endsWith(text));
  terminal.keys("Enter");
}

/** The next page of a call that is longer than the screen. */
async function turnPage(terminal: Terminal): Promise<void> {
  const left = (): string => terminal.screen().trimEnd().split("\n").at(-1) ?? "";
  const before = left();
  await press(terminal, ["Enter"], () => left() !== before);
}

async function press(terminal: Terminal, keys: readonly string[], isDone: () => boolean): Promise<void> {
  const ignored = (): number => terminal.screen().split("is ignored.").length;
  for (let tries = 0; tries < 5; tries += 1) {
    const before = ignored();
    terminal.keys(...keys);
    await within(ECHO_MS, () => isDone() || ignored() > before);
    if (isDone()) return;
  }
  throw new Error(`the terminal does not take ${keys.join(" ")}: ${terminal.screen()}`);
}

const ECHO_MS = 2_000;

async function within(ms: number, look: () => boolean): Promise<boolean> {
  for (const end = performance.now() + ms; performance.now() < end; await sleep(20)) if (look()) return true;
  return look();
}

/** The list marks the request in this place, counted from the most urgent. */
const seeSelected = (terminal: Terminal, place: number): Promise<string> =>
  until(() => {
    const shown = terminal.screen();
    const lines = shown.slice(shown.lastIndexOf("Waiting:")).split("\n").slice(2);
    return lines[place]?.startsWith("> ") === true ? shown : undefined;
  });

describe("countersign approve, deny and decide", { timeout: 30_000 }, () => {
  it("without a terminal nothing is decided, and a flag alone is no yes", async () => {
    const { id, requestDigest } = await ask();
    for (const [args, code, said] of [
      [["approve", id], 2, "nobody to ask"],
      [["deny", id], 2, "nobody to ask"],
      [["approve", id, "--yes"], 2, "--digest"],
      [["approve", id, "--digest", requestDigest], 2, "--yes"],
      [["approve", id, "--yes", "--digest", "0".repeat(64)], 1, "not the request that was looked at"],
      [["approve", "nothing"], 1, "not_found"],
    ] as const) {
      const ended = await operator.detached(...args);
      expect([args, ended.code, ended.err]).toEqual([args, code, expect.stringContaining(said)]);
    }
    expect((await detail(id)).state).toBe("pending");
  });

  it("--yes with the digest of what was looked at decides, and is recorded as the terminal's", async () => {
    const [one, other] = [await ask(), await ask()];
    expect((await operator.run("approve", one.id, "--yes", "--digest", one.requestDigest)).code).toBe(0);
    expect((await operator.run("deny", other.id, "--yes", "--digest", other.requestDigest, "--reason", "not today")).code).toBe(0);
    expect([await detail(one.id), await detail(other.id)]).toMatchObject([
      { state: "approved", votes: [{ choice: "approve", channel: "terminal" }] },
      { state: "denied", votes: [{ choice: "deny", channel: "terminal", reason: "not today" }] },
    ]);
    const again = await operator.run("approve", one.id, "--yes", "--digest", one.requestDigest);
    expect([again.code, again.err]).toEqual([1, expect.stringContaining("approved already")]);
  });

  it("a call too long for a glance is not approved by --yes, and is by whoever saw its end", async ({ skip }) => {
    skip(missing !== undefined, missing ?? "");
    const { id, requestDigest } = await ask({ content: `${"x".repeat(9_000)}THE-END` });
    const unseen = await operator.run("approve", id, "--yes", "--digest", requestDigest);
    expect([unseen.code, unseen.err]).toEqual([1, expect.stringContaining("not_viewed")]);
    const terminal = onTerminal("approve", id);
    await see(terminal, "lines left");
    await type(terminal, "y");
    await see(terminal, "cannot be approved before its end was shown");
    for (let page = 0; page < 6 && !terminal.screen().includes("Approve this call?"); page += 1) await turnPage(terminal);
    expect(await see(terminal, "Approve this call? (y/n)")).toContain("THE-END");
    await type(terminal, "y");
    await see(terminal, "ended with 0");
    expect((await detail(id)).state).toBe("approved");
  });

  it("shows what is bound with hidden characters shown, and denies with a reason", async ({ skip }) => {
    skip(missing !== undefined, missing ?? "");
    const { id } = await ask({ content: "a\u202Eb\u001B[2Jc" });
    const terminal = onTerminal("deny", id);
    const shown = await see(terminal, "Deny this call? (y/n)");
    expect(shown).toContain('| {\n|   "content": "a\\u{202E}b\\u{1B}[2Jc"');
    await type(terminal, "y");
    await see(terminal, "Reason, for the agent");
    await type(terminal, "wrong folder");
    await see(terminal, "ended with 0");
    expect(await detail(id)).toMatchObject({ state: "denied", votes: [{ reason: "wrong folder", channel: "terminal" }] });
  });

  it("n leaves it open with approve and denies with decide; an answer given elsewhere ends the question", async ({ skip }) => {
    skip(missing !== undefined, missing ?? "");
    const request = await ask();
    const { id } = request;
    const first = onTerminal("approve", id);
    await see(first, "Approve this call? (y/n)");
    await type(first, "n");
    await see(first, "ended with 1");
    expect((await detail(id)).state).toBe("pending");
    const second = onTerminal("decide", id);
    await see(second, "Approve this call? (y/n)");
    await deny(request);
    expect(await see(second, "ended with 1")).toContain("denied already");
  });
});

describe("a question whose control plane is gone", { timeout: 30_000 }, () => {
  it("ends by itself, and leaves the terminal to whoever comes next", async ({ skip }) => {
    skip(missing !== undefined, missing ?? "");
    const own = createOperator();
    onTestFinished(() => own.close()); // where it fails
    const plane = await own.up();
    const owner = await own.login(plane.url);
    const key = (await own.as<{ secret: string }>(owner, plane.url, "POST", "/v1/keys", { name: "bot", ownerId: null, expiresAt: null })).body.secret;
    const { id } = (await own.as<{ request: { id: string } }>(key, plane.url, "POST", "/v1/approvals", askBodyOf({ path: "/tmp/gone" }))).body.request;
    const terminal = openTerminal(`'${process.execPath}' '${MAIN}' decide '${id}'`, own.env);
    terminals.push(terminal);
    await see(terminal, "Approve this call? (y/n)");
    await plane.end("SIGKILL");
    expect(await see(terminal, "ended with 1")).toContain("does not answer");
    await own.close();
  });
});

describe("countersign inbox", { timeout: 30_000 }, () => {
  it("needs a terminal", async () => {
    const { code, out, err } = await operator.detached("inbox");
    expect([code, out, err]).toEqual([2, "", expect.stringContaining("countersign watch")]);
  });

  it("lists live, opens one in full, approves and denies it, and gives the screen back", async ({ skip }) => {
    skip(missing !== undefined, missing ?? "");
    const before = await ask();
    const terminal = openTerminal(`echo before; '${process.execPath}' '${MAIN}' inbox`, operator.env);
    terminals.push(terminal);
    await see(terminal, /Waiting: \d+ call/);
    const count = Number(/Waiting: (\d+)/.exec(terminal.screen())?.[1]);
    const { id } = await ask(); // comes in while somebody looks
    await see(terminal, `Waiting: ${count + 1} calls`);
    for (let step = 0; step < count; step += 1) terminal.keys("j"); // the latest has the most time left
    await seeSelected(terminal, count);
    terminal.keys("Enter");
    expect(await see(terminal, "Approve this call? (y/n)")).toContain(`Request: ${id}`);
    await type(terminal, "y");
    await see(terminal, `Approved: ${id}`);
    expect(await detail(id)).toMatchObject({ state: "approved", votes: [{ channel: "terminal" }] });
    await see(terminal, `Waiting: ${count} call`);
    await seeSelected(terminal, count - 1);
    terminal.keys("d");
    expect(await see(terminal, "Deny this call? (y/n)")).toContain(`Request: ${before.id}`);
    await type(terminal, "y");
    await see(terminal, "Reason, for the agent");
    await type(terminal, "no");
    await see(terminal, `Denied: ${before.id}`);
    terminal.keys("q");
    const after = await see(terminal, "ended with 0");
    expect(after).toContain("before\n");
    expect(after).not.toContain("Waiting:");
  });

  it.each(["by another", "by time"] as const)("a call that is decided %s goes from the screen at once, and keys that were meant for it decide nothing", async (how) => {
    if (missing !== undefined) return;
    for (const { id } of (await operator.as<{ requests: { id: string }[] }>(token, running.url, "GET", "/v1/approvals?state=pending")).body.requests) await deny(await detail(id));
    const request = await ask({}, how === "by time" ? { timeoutMs: 7_000, requirements: [{ policy: "file-writes", approvers: [], quorum: 1, timeoutMinutes: null, grants: [], edits: false, requireReason: false, escalate: [] }] } : {});
    const terminal = onTerminal("inbox");
    await see(terminal, "Waiting: 1 call ");
    terminal.keys("a");
    await see(terminal, "Approve this call? (y/n)");
    terminal.keys("-l", "y"); // not finished
    if (how === "by another") await deny(request);
    await see(terminal, "Not decided here.");
    expect(await see(terminal, "Nothing waits.")).toContain(how === "by another" ? "This request is denied already. Denied by" : "This request is expired already.");
    terminal.keys("Enter");
    await sleep(500);
    expect(terminal.screen()).toContain("Nothing waits.");
    expect(await detail(request.id)).toMatchObject({ state: how === "by another" ? "denied" : "expired", votes: how === "by another" ? [{ choice: "deny" }] : [] });
    terminal.keys("q");
    await see(terminal, "ended with 0");
  });

  it("killed in the middle, it leaves a shell that can be used", async ({ skip }) => {
    skip(missing !== undefined, missing ?? "");
    const shell = openTerminal(`'${process.execPath}' '${MAIN}' inbox --dir '${operator.directory}'; exec bash --norc`, operator.env);
    terminals.push(shell);
    await see(shell, "Waiting:");
    const pids = execFileSync("ps", ["-eo", "pid,args"], { encoding: "utf8" }).split("\n").filter((line) => line.includes(`${MAIN} inbox --dir ${operator.directory}`) && !line.includes("bash")).map((line) => Number(line.trim().split(" ")[0]));
    expect(pids).toHaveLength(1);
    for (const pid of pids) process.kill(pid, "SIGKILL");
    await sleep(300);
    shell.keys("-l", "echo us''able");
    shell.keys("Enter");
    await see(shell, "usable");
  });
});

describe("countersign watch", { timeout: 30_000 }, () => {
  it("tells a pipe what happens, a line each, with names and without arguments or secrets", async () => {
    const child = spawn(process.execPath, [MAIN, "watch", "--format", "json"], { env: operator.env, stdio: ["ignore", "pipe", "pipe"] });
    onTestFinished(() => void child.kill("SIGKILL"));
    let out = "";
    child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
    await until(() => (out.includes('"hello"') ? true : undefined));
    const { id, requestDigest } = await ask({ content: "canary-7731" });
    await until(() => (out.includes(id) ? true : undefined));
    const denied = await operator.run("deny", id, "--yes", "--digest", requestDigest);
    expect([denied.code, denied.err]).toEqual([0, ""]);
    await until(() => (out.includes('"denied"') ? true : undefined));
    child.kill("SIGINT");
    const [code]: unknown[] = await once(child, "close");
    expect(code).toBe(0);
    const lines = out.trimEnd().split("\n").map((line) => JSON.parse(line) as Record<string, unknown>); // what watch writes
    expect(lines.filter(({ requestId }) => requestId === id).map(({ event, state, tool, agent: name }) => [event, state, tool, name])).toEqual([
      ["request", "pending", "write_file", "file-manager"],
      ["request", "denied", "write_file", "file-manager"],
    ]);
    expect(out).not.toMatch(/canary-7731/);
    expect(out).not.toContain(token);
  });

  it("loses nothing where the control plane is killed and starts again meanwhile", async () => {
    const own = createOperator();
    onTestFinished(() => own.close()); // where it fails
    const first = await own.up();
    const owner = await own.login(first.url);
    const key = (await own.as<{ secret: string }>(owner, first.url, "POST", "/v1/keys", { name: "bot", ownerId: null, expiresAt: null })).body.secret;
    const child = spawn(process.execPath, [MAIN, "watch", "--format", "json"], { env: own.env, stdio: ["ignore", "pipe", "pipe"] });
    let out = "";
    child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
    await until(() => (out.includes('"hello"') ? true : undefined));
    const ids = await Promise.all(Array.from({ length: 12 }, async (_, n) => (await own.as<{ request: { id: string } }>(key, first.url, "POST", "/v1/approvals", askBodyOf({ path: `/tmp/kill-${n}` }))).body.request.id));
    const denyOne = async (id: string): Promise<void> => {
      const { requestDigest } = (await own.as<Detail>(owner, first.url, "GET", `/v1/approvals/${id}`)).body;
      await own.as(owner, first.url, "POST", `/v1/approvals/${id}/vote`, { choice: "deny", requestDigest, viewedDigest: null, reason: "", grant: null });
    };
    await Promise.all(ids.slice(0, 6).map(denyOne));
    await first.end("SIGKILL");
    await own.up("--port", new URL(first.url).port);
    await Promise.all(ids.slice(6).map(denyOne));
    const told = () => out.split("\n").slice(0, -1).map((line) => JSON.parse(line) as Record<string, unknown>); // what watch writes, whole lines
    const isTold = (id: string): boolean => told().some(({ requestId, state, tool }) => requestId === id && state === "denied" && tool === "write_file");
    await until(() => (ids.every(isTold) ? true : undefined));
    expect(told().filter(({ event, tool }) => event === "request" && tool === undefined)).toEqual([]);
    const ended = once(child, "close");
    child.kill("SIGKILL");
    await Promise.all([ended, own.close()]);
  });
});
