import { spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { askBodyOf } from "../control/fixture/open-embedded.ts";
import { createOperator, isAlive, MAIN, POLICY, until, type Operator } from "./fixture/operator.ts";
import { openTerminal, whyNoTerminal, type Terminal } from "./fixture/terminal.ts";
import { startInBackground } from "./start-in-background.ts";
import type { UpOptions } from "./up.ts";

const LINK = /csl_[A-Za-z0-9_-]{43}/;
let operator: Operator;
const terminals: Terminal[] = [];
const detached: number[] = [];
const servers: Server[] = [];

beforeEach(() => {
  operator = createOperator();
});
afterEach(async () => {
  for (const terminal of terminals.splice(0)) terminal.close();
  for (const pid of detached.splice(0)) if (isAlive(pid)) process.kill(pid, "SIGKILL");
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
  await operator.close();
});

const modeOf = (path: string): number => statSync(path).mode & 0o777;
const controlFile = (): { url: string; pid: number; instance: string } => JSON.parse(readFileSync(join(operator.directory, "control.json"), "utf8"));

describe("countersign up, in the foreground", () => {
  it.each(["SIGTERM", "SIGINT", "SIGHUP"] as const)("ends in good order on %s: exit code 0, control.json gone, a last checkpoint made", async (signal) => {
    const running = await operator.up();
    expect(controlFile()).toMatchObject({ pid: running.pid });
    const { code, out, err } = await running.end(signal);
    expect([code, err]).toEqual([0, ""]);
    expect(out).toContain("Ending in good order");
    expect(existsSync(join(operator.directory, "control.json"))).toBe(false);
    const again = await operator.up();
    const secret = readFileSync(join(operator.directory, "operator.secret"), "utf8").trim();
    const { body } = await operator.as<{ checkpoints: object[] }>(secret, again.url, "GET", "/v1/record/checkpoints");
    expect(body.checkpoints.length).toBeGreaterThan(0);
    await again.end();
  });

  it("--end-with-input ends it in good order with its standard input, also where whoever started it was killed", async () => {
    const up = [MAIN, "up", "--end-with-input", "--port", "0"];
    const parent = spawn(process.execPath, ["-e", `require("node:child_process").spawn(process.execPath, ${JSON.stringify(up)}, { stdio: ["pipe", "pipe", "pipe"] }); setInterval(() => {}, 1000);`], { env: operator.env, stdio: "ignore" });
    const { pid } = await until(() => (existsSync(join(operator.directory, "control.json")) ? controlFile() : undefined));
    const gone = once(parent, "close");
    parent.kill("SIGKILL");
    await gone;
    await until(() => (isAlive(pid) ? undefined : true));
    expect(existsSync(join(operator.directory, "control.json"))).toBe(false);
    const again = spawn(process.execPath, up, { env: operator.env, stdio: ["pipe", "ignore", "ignore"] });
    await until(() => (existsSync(join(operator.directory, "control.json")) ? true : undefined));
    const ended = once(again, "close");
    again.kill("SIGTERM"); // its input is still open
    expect(await ended).toEqual([0, null]);
    expect(await operator.run("up", "--background", "--end-with-input")).toMatchObject({ code: 2, err: expect.stringContaining("no standard input") });
  });

  it("keeps its files to its user alone", async () => {
    const running = await operator.up();
    const names = ["countersign.db", "countersign.db-wal", "control.json", "operator.secret", "master.key", "lock"];
    expect(names.map((name) => [name, modeOf(join(operator.directory, name))])).toEqual(names.map((name) => [name, 0o600]));
    expect(modeOf(operator.directory)).toBe(0o700);
    await running.end();
  });

  it("a second one on the same directory says who holds it, and starts nothing", async () => {
    const first = await operator.up();
    const second = await operator.run("up", "--port", "0");
    expect([second.code, second.out]).toEqual([2, ""]);
    expect(second.err).toContain(`process ${first.pid}`);
    expect(second.err).toContain(controlFile().url);
    expect((await operator.run("status")).code).toBe(1); // it answers; not ready without a policy
    await first.end();
  });

  it("takes the next port where one is taken, and ends with a clear message where that port was asked for", async () => {
    const taken = await listen(createServer());
    const port = String(portOf(taken));
    const refused = await operator.run("up", "--port", port);
    expect([refused.code, refused.out]).toEqual([2, ""]);
    expect(refused.err).toContain(`port ${port} of 127.0.0.1 is taken`);
    expect(refused.err).not.toContain("    at ");
    expect(existsSync(join(operator.directory, "control.json"))).toBe(false);

    const other = createOperator();
    try {
      const [one, two] = await Promise.all([operator, other].map((its) => its.run("up", "--background", "--idle-hours", "1")));
      expect([one?.code, two?.code]).toEqual([0, 0]);
      const urls = [one, two].map((said) => /http:\/\/\S+/.exec(said?.out ?? "")?.[0]);
      expect(new Set(urls).size).toBe(2);
      for (const url of urls) expect(Number(new URL(url ?? "").port)).toBeGreaterThanOrEqual(7433);
    } finally {
      for (const its of [operator, other]) await its.run("down");
      await until(() => ([operator, other].some((its) => existsSync(join(its.directory, "control.json"))) ? undefined : true));
      await other.close();
    }
  });

  it("copes with what kill -9 leaves behind", async () => {
    const first = await operator.up("--policies", policyFile());
    const { instance } = controlFile();
    await first.end("SIGKILL");
    expect(controlFile().pid).toBe(first.pid);
    const status = await operator.run("status");
    expect([status.code, status.out]).toEqual([2, ""]);
    expect(status.err).toContain("No control plane runs");
    const second = await operator.up("--policies", policyFile());
    expect(controlFile()).toMatchObject({ pid: second.pid, instance });
    expect(second.out()).toContain("version 1 from");
    expect((await operator.run("status")).code).toBe(0);
    await second.end();
  });

  it("a control.json that names somebody else's server is not believed, and that server does not get the operator's way in", async () => {
    const running = await operator.up();
    await running.end();
    const heard: string[] = [];
    const stranger = await listen(createServer((socket) => socket.on("error", () => undefined).on("data", (chunk) => {
      heard.push(chunk.toString());
      socket.end('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 13\r\n\r\n{"id":"other"}');
    })));
    const port = portOf(stranger);
    writeFileSync(join(operator.directory, "control.json"), JSON.stringify({ url: `http://127.0.0.1:${port}`, pid: 1, instance: "gone", version: "0" }), { mode: 0o600 });
    const status = await operator.run("status");
    expect([status.code, heard]).toEqual([2, []]); // nobody holds the lock, so nobody is asked
  });

  it("refuses a directory that others can write to, and one that is a file", async () => {
    mkdirSync(operator.directory);
    chmodSync(operator.directory, 0o777);
    const open = await operator.run("up", "--port", "0");
    expect([open.code, open.out]).toEqual([2, ""]);
    expect(open.err).toContain(`chmod go-w ${operator.directory}`);
    writeFileSync(operator.path("file"), "");
    const file = await operator.run("up", "--port", "0", "--dir", operator.path("file"));
    expect(file.code).toBe(2);
    expect(open.err + file.err).not.toContain("    at ");
  });

  it("does not start with a policy file that has problems, and says where they are", async () => {
    writeFileSync(operator.path("broken.yaml"), "version: 1\npolicies:\n  - name: a\n    action: blok\n");
    const { code, err } = await operator.run("up", "--port", "0", "--policies", operator.path("broken.yaml"));
    expect(code).toBe(1);
    expect(err).toContain("broken.yaml:4");
    expect(existsSync(join(operator.directory, "control.json"))).toBe(false);
  });

  it("says what is wrong with a database, an address or a URL, without a stack and without a password", async () => {
    for (const [args, said] of [
      [["--postgres", "postgres://me:hunter2@127.0.0.1:1/x"], "PostgreSQL did not answer"],
      [["--postgres", "hunter2"], "an address such as postgres://"],
      [["--host", "203.0.113.1"], "no address of this machine"],
      [["--public-url", "ftp://example.com"], "--public-url ftp://example.com"],
    ] as const) {
      const { code, out, err } = await operator.run("up", "--port", "0", ...args);
      expect([code === 0, out, err]).toEqual([false, "", expect.stringContaining(said)]);
      expect(err).not.toMatch(/hunter2| {4}at /);
    }
  });

  it("does not start with another installation key than the one its store is under", async () => {
    await (await operator.up()).end();
    writeFileSync(join(operator.directory, "master.key"), `${Buffer.alloc(32, 1).toString("base64")}\n`);
    const { code, err } = await operator.run("up", "--port", "0");
    expect(code).toBe(2);
    expect(err).toContain("under another installation key");
    expect(err).not.toContain("    at ");
  });
});

describe("countersign up --background", () => {
  it("returns once it listens, is there afterwards, is the same when asked again, and ends with down", async () => {
    const first = await operator.run("up", "--background", "--port", "0", "--policies", policyFile());
    expect([first.code, first.err]).toEqual([0, ""]);
    const { pid, url } = controlFile();
    detached.push(pid);
    expect(first.out).toContain(url);
    expect((await operator.as(undefined, url, "GET", "/readyz")).status).toBe(200);
    const log = join(operator.directory, "log", "control-plane.log");
    expect([modeOf(log), modeOf(join(operator.directory, "log"))]).toEqual([0o600, 0o700]);
    const second = await operator.run("up", "--background");
    expect([second.code, controlFile().pid]).toEqual([0, pid]);
    expect(second.out).toContain(`process ${pid}`);
    const down = await operator.run("down");
    expect(down.code).toBe(0);
    await until(() => (isAlive(pid) ? undefined : true));
    expect(readFileSync(log, "utf8")).toContain("Ending in good order");
    expect(readFileSync(log, "utf8")).not.toMatch(LINK);
  });

  it("of two at once, both answer and one control plane runs", async () => {
    const both = await Promise.all([operator.run("up", "--background", "--port", "0"), operator.run("up", "--background", "--port", "0")]);
    detached.push(controlFile().pid);
    expect(both.map(({ code, err }) => [code, err])).toEqual([[0, ""], [0, ""]]);
    for (const { out } of both) expect(out).toContain(controlFile().url);
    expect(await operator.run("down")).toMatchObject({ code: 0, err: "" });
    await until(() => (existsSync(join(operator.directory, "control.json")) ? undefined : true));
  });

  it("of two at once, the slower one does not stay behind to take the directory when the other ends", async () => {
    const born = join(operator.directory, "born");
    const slow = `require("node:fs").writeFileSync(${JSON.stringify(born)}, String(process.pid)); setInterval(() => undefined, 1_000)`;
    const options: UpOptions = { host: "127.0.0.1", port: 0, checkpointsTo: [], trustProxy: [], background: true, endWithInput: false };
    const said: string[] = [];
    const starting = startInBackground(options, operator.directory, { self: [process.execPath, "-e", slow, "--"], env: operator.env, out: (text) => void said.push(text) });
    const pid = await until(() => (existsSync(born) ? Number(readFileSync(born, "utf8")) || undefined : undefined));
    const other = await operator.up();
    expect([await starting, said.join()]).toEqual([0, expect.stringContaining(`process ${other.pid};`)]);
    await until(() => (isAlive(pid) ? undefined : true));
    await other.end();
  });

  it("one that does not answer for a moment is waited for, and no other is started beside it", async () => {
    await operator.run("up", "--background", "--port", "0");
    const { pid } = controlFile();
    detached.push(pid);
    process.kill(pid, "SIGSTOP");
    const second = operator.run("up", "--background");
    await sleep(6_500);
    process.kill(pid, "SIGCONT");
    expect((await second).out).toContain(`process ${pid}`);
    expect(readFileSync(join(operator.directory, "log", "control-plane.log"), "utf8")).not.toContain("does not answer");
    await operator.run("down");
    await until(() => (isAlive(pid) ? undefined : true));
  });

  it("says the end of the log where it does not start", async () => {
    const { code, err } = await operator.run("up", "--background", "--policies", operator.path("nowhere.yaml"));
    expect(code).toBe(1);
    expect(err).toContain("nowhere.yaml: cannot be read");
  });

  it("ends by itself when nobody uses it, and not while a request is open", async () => {
    const before = await operator.up("--policies", policyFile());
    const owner = await operator.login(before.url);
    const { body } = await operator.as<{ secret: string }>(owner, before.url, "POST", "/v1/keys", { name: "bot", ownerId: null, expiresAt: null });
    const asked = await operator.as<{ request: { id: string } }>(body.secret, before.url, "POST", "/v1/approvals", askBodyOf({ path: "/a" }));
    expect(asked.status).toBe(201);
    await before.end();
    await operator.run("up", "--background", "--port", "0", "--idle-hours", String(0.5 / 3600));
    const { pid, url } = controlFile();
    detached.push(pid);
    await sleep(2_000);
    expect(isAlive(pid)).toBe(true);
    expect((await operator.as(body.secret, url, "POST", `/v1/approvals/${asked.body.request.id}/cancel`, { reason: "gone" })).status).toBe(200);
    await until(() => (isAlive(pid) ? undefined : true));
    expect(existsSync(join(operator.directory, "control.json"))).toBe(false);
  });
});

describe("the owner's one-time link", () => {
  it("is not printed to a pipe, by up or by open", async () => {
    const running = await operator.up();
    const open = await operator.run("open");
    expect([open.code, open.out]).toEqual([2, ""]);
    expect(open.err).toContain("to a terminal only");
    const { out, err } = await running.end();
    expect(out + err + open.err).not.toMatch(LINK);
    expect(out + err).not.toContain("Sign in");
  });

  it("is printed to a terminal, signs the owner in once, and Ctrl-C ends the control plane", async ({ skip }) => {
    const missing = whyNoTerminal();
    if (missing !== undefined) return skip(missing);
    const terminal = openTerminal(`'${process.execPath}' '${MAIN}' up --port 0`, operator.env);
    terminals.push(terminal);
    const link = await until(() => new RegExp(`http://localhost:\\d+/sign-in#link=${LINK.source}`).exec(terminal.screen())?.[0]);
    expect((await operator.run("login", "--link", link)).code).toBe(0);
    const again = await operator.run("login", "--link", link);
    expect([again.code, again.err]).toEqual([1, expect.stringContaining("does not work")]);
    const opened = openTerminal(`'${process.execPath}' '${MAIN}' open`, operator.env);
    terminals.push(opened);
    await until(() => (LINK.test(opened.screen()) && opened.screen().includes("ended with 0") ? true : undefined));
    expect(LINK.exec(opened.screen())?.[0]).not.toBe(LINK.exec(link)?.[0]);
    terminal.keys("C-c");
    await until(() => (terminal.screen().includes("ended with 0") ? true : undefined));
    expect(existsSync(join(operator.directory, "control.json"))).toBe(false);
  });
});

async function listen(server: Server): Promise<Server> {
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

function portOf(server: Server): number {
  const address = server.address();
  return address !== null && typeof address === "object" ? address.port : 0;
}

function policyFile(): string {
  writeFileSync(operator.path("policy.yaml"), POLICY);
  return operator.path("policy.yaml");
}
