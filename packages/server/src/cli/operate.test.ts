import { chmodSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { once } from "node:events";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { reachControl } from "./control-client.ts";
import { findControl } from "./find-control.ts";
import { createOperator, POLICY, until, type Operator } from "./fixture/operator.ts";
import { runCli } from "./fixture/run-cli.ts";
import { followEvents } from "./follow-events.ts";

let operator: Operator;
const servers: Server[] = [];
beforeEach(() => {
  operator = createOperator();
  writeFileSync(operator.path("policy.yaml"), POLICY);
});
afterEach(async () => {
  await operator.close();
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
});

describe("countersign status and down", () => {
  it("says how it stands, as text and as JSON; 0 where calls can be decided, 1 where not, 2 where nothing runs", async () => {
    expect(await operator.run("status")).toMatchObject({ code: 2, out: "", err: expect.stringContaining("Start one: countersign up") });
    const running = await operator.up();
    const bare = await operator.run("status");
    expect(bare.code).toBe(1);
    expect(bare.out).toContain("not ready: policy failing");
    expect(bare.out).toContain("none in force");
    await operator.run("policy", "push", operator.path("policy.yaml"));
    const ready = await operator.run("status");
    expect([ready.code, ready.err]).toEqual([0, ""]);
    expect(ready.out).toMatch(/ready\ninstallation \S+ \(\d+\.\d+\.\d+, sqlite\)\npolicy {7}version 1\nrequests {5}0 open\npeople {7}0\nrecord {7}row \d+, [0-9a-f]{64}\n/);
    const json = JSON.parse((await operator.run("status", "--format", "json")).out);
    expect(json).toMatchObject({ ready: true, installation: { storage: "sqlite", policy: { version: 1 }, openRequests: 0 } });
    const down = await operator.run("down");
    expect([down.code, down.out]).toEqual([0, expect.stringContaining("ends")]);
    expect(await operator.run("down")).toMatchObject({ code: 2 });
    expect((await running.end()).code).toBe(0);
  });
});

describe("a control plane that cannot be spoken to", () => {
  it("is not said to be none: what is wrong with what, and what to do", async () => {
    const running = await operator.up();
    const secret = join(operator.directory, "operator.secret");
    const file = join(operator.directory, "control.json");
    const [was, where] = [readFileSync(secret), readFileSync(file)];
    const said = async (): Promise<string> => {
      const found = await findControl(operator.directory);
      return found.running === undefined ? found.why : "";
    };
    writeFileSync(secret, `cso_${"x".repeat(43)}\n`);
    expect(await said()).toMatch(new RegExp(`process ${running.pid}.*does not take the secret in ${secret}.*kill ${running.pid}.*countersign up`));
    expect(await operator.run("doctor")).toMatchObject({ code: 2, out: "", err: `${await said()}\n` });
    rmSync(secret);
    expect(await said()).toContain(`${secret} is not there, or not for this user`);
    writeFileSync(secret, was);
    rmSync(file);
    expect(await said()).toContain("has not said yet where it listens");
    writeFileSync(file, where);
    process.kill(running.pid, "SIGSTOP");
    try {
      expect(await said()).toMatch(new RegExp(`process ${running.pid}.*does not answer within 2 s.*kill -9 ${running.pid}`));
      expect((await operator.run("up")).err).toContain("does not answer within 2 s");
    } finally {
      process.kill(running.pid, "SIGCONT");
    }
    await running.end("SIGKILL");
    expect(await said()).toBe(`No control plane runs on ${operator.directory}. Start one: countersign up`);
  });

  it("another program at its address, a token that is not good there, and nobody at all are told apart", async () => {
    const running = await operator.up();
    const other = createServer((_, response) => void response.end("<html>hello")).listen(0, "127.0.0.1");
    servers.push(other);
    await once(other, "listening");
    const address = other.address();
    const elsewhere = `http://127.0.0.1:${address !== null && typeof address === "object" ? address.port : 0}`;
    const visit = async (url: string) => {
      const client = await reachControl({ directory: operator.directory, url, env: { COUNTERSIGN_TOKEN: "css_wrong" } });
      const asked = await client.request("GET", "/v1/installation").then(() => "", String);
      const heard = await followEvents(client, new AbortController().signal, () => {}).then(() => "", String);
      return [asked, heard];
    };
    for (const said of await visit(elsewhere)) expect(said).toContain("another program listens there");
    for (const said of await visit(running.url)) expect(said).toContain("countersign login --link LINK");
    other.closeAllConnections();
    await new Promise((resolve) => servers.pop()?.close(resolve));
    const nobody = await reachControl({ directory: operator.directory, url: elsewhere, env: { COUNTERSIGN_TOKEN: "css_wrong" } });
    await expect(nobody.request("GET", "/v1/installation")).rejects.toThrow(/does not answer: .+\. Check the address, and whether the control plane runs there\./);
  });

  it("`up` says what to give instead of a port that is taken or none, and of a database that does not answer, without its password", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    servers.push(other);
    await once(other, "listening");
    const address = other.address();
    const port = String(address !== null && typeof address === "object" ? address.port : 0);
    const up = (...args: readonly string[]) => runCli("up", "--dir", operator.path("new"), ...args);
    expect(await up("--port", port)).toMatchObject({ code: 2, err: expect.stringContaining(`port ${port} of 127.0.0.1 is taken. Give another with --port`) });
    expect(await up("--port", "99999")).toMatchObject({ code: 2, err: expect.stringContaining("A port is a number up to 65535") });
    expect(await up("--port", "0", "--postgres", `postgres://me:hush@127.0.0.1:1/x`)).toMatchObject({ code: 1, err: expect.stringMatching(/^PostgreSQL did not answer: connect ECONNREFUSED 127\.0\.0\.1:1\. Check the address in --postgres(?!.*hush)/) });
  });
});

describe("countersign doctor", () => {
  interface Said {
    readonly ok: boolean;
    readonly diagnoses: readonly { readonly code: string; readonly severity: string; readonly mend: string }[];
  }
  const doctor = async () => {
    const { code, out } = await operator.run("doctor", "--format", "json");
    const said = JSON.parse(out) as Said;
    return { code, ok: said.ok, codes: said.diagnoses.map(({ code: one, severity }) => `${severity} ${one}`), said };
  };

  it("names what is unsafe in a fresh installation, as it grows, and fails only for what is dangerous", async () => {
    const running = await operator.up();
    const fresh = await doctor();
    expect([fresh.code, fresh.ok]).toEqual([0, true]);
    expect(fresh.codes.toSorted()).toEqual(["warning no_outside_checkpoint", "warning no_owner", "warning no_policy", "warning same_user"]);
    for (const { mend } of fresh.said.diagnoses) expect(mend).not.toBe("");

    const owner = await operator.login(running.url);
    const { body } = await operator.as<{ secret: string }>(owner, running.url, "POST", "/v1/keys", { name: "bot", ownerId: null, expiresAt: null });
    const row = { type: "approval", callId: "c", at: 1, requestId: "r", requestDigest: "0".repeat(64), digest: "0".repeat(64), status: "approved", approver: "rule", elapsedMs: 1, human: false };
    const recent = { ...row, at: Date.now() };
    expect((await operator.as(body.secret, running.url, "POST", "/v1/record", { process: "p", batch: 1, entries: [recent] })).status).toBe(200);
    const grown = await doctor();
    expect(grown.codes).toEqual(expect.arrayContaining(["note one_person_mode", "note links_only", "warning keys_without_owner", "warning auto_approve"]));
    expect([grown.code, grown.codes.includes("warning no_owner")]).toEqual([0, false]);

    writeFileSync(operator.path("open.yaml"), "version: 1\ndefault: allow\npolicies: []\n");
    await operator.run("policy", "push", operator.path("open.yaml"));
    const openGate = await doctor();
    expect([openGate.code, openGate.ok]).toEqual([1, false]);
    expect(openGate.codes).toContain("danger open_gate");
    await operator.run("policy", "push", operator.path("policy.yaml"));

    chmodSync(operator.directory, 0o750);
    chmodSync(join(operator.directory, "countersign.db"), 0o640);
    const openFiles = await doctor();
    expect(openFiles.code).toBe(1);
    expect(openFiles.codes).toEqual(expect.arrayContaining(["danger open_directory", "danger open_file"]));
    const text = await operator.run("doctor");
    expect(text.out).toContain(`DANGER  open_directory: Other users of this machine can look into ${operator.directory}.\n        Run: chmod 700 ${operator.directory}`);
    chmodSync(operator.directory, 0o700);
    chmodSync(join(operator.directory, "countersign.db"), 0o600);
    expect((await doctor()).code).toBe(0);
    await running.end();
  });

  it("names plain HTTP off this machine, and a place that checkpoints do not reach until they do", async () => {
    let answer = 503;
    const place = createServer((_, response) => void response.writeHead(answer).end()).listen(0, "127.0.0.1");
    servers.push(place);
    await once(place, "listening");
    const address = place.address();
    const to = `http://127.0.0.1:${address !== null && typeof address === "object" ? address.port : 0}/keep?secret=s`;
    const running = await operator.up("--host", "0.0.0.0", "--checkpoints-to", to, "--policies", operator.path("policy.yaml"));
    // The first checkpoint would come within a minute; a thousand rows make one now.
    const owner = await operator.login(running.url);
    const { body } = await operator.as<{ secret: string }>(owner, running.url, "POST", "/v1/keys", { name: "bot", ownerId: null, expiresAt: null });
    const ship = (batch: number) => operator.as(body.secret, running.url, "POST", "/v1/record", { process: "p", batch, entries: Array.from({ length: 1000 }, (_, n) => ({ type: "event", event: "gap", at: n, detail: {} })) });
    expect((await ship(1)).status).toBe(200);
    const failing = await until(async () => {
      const said = await doctor();
      return said.codes.includes("warning checkpoint_failing") ? said : undefined;
    });
    expect([failing.code, failing.codes.includes("danger plain_http"), failing.codes.includes("warning no_outside_checkpoint")]).toEqual([1, true, false]);
    expect(running.err()).toContain("could not be pushed");
    expect(running.err() + JSON.stringify(failing.said)).not.toContain("secret=s");
    answer = 204;
    await ship(2);
    await until(async () => ((await doctor()).codes.includes("warning checkpoint_failing") ? undefined : true));
    expect(running.err()).toContain("again");
    await running.end();
  });
});
