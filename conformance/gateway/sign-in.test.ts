/** A server that wants to know who comes: the gateway says what to do, somebody signs in, the gateway goes on; renewed, shared, ended. */
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { MACHINE, openProtectedServer, type ProtectedServer } from "../../packages/server/src/gateway/fixture/authorization-server.ts";
import { ALLOW_ALL, COUNTERSIGN, gatewayAt, initializeParams } from "./real-servers.ts";
import { read, startPeer, textOf, type StdioPeer } from "./stdio-peer.ts";

let home: string;
let state: string;
let policies: string;
let at: ProtectedServer;
const peers: StdioPeer[] = [];

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), "countersign-sign-in-"));
  policies = join(home, "allow.yaml");
  writeFileSync(policies, ALLOW_ALL);
  at = await openProtectedServer();
});
beforeEach(() => {
  state = mkdtempSync(join(home, "state-"));
  at.tokensLive(3_600);
});
afterEach(async () => {
  for (const peer of peers.splice(0)) await peer.kill();
});
afterAll(async () => {
  await at.close();
  rmSync(home, { recursive: true, force: true });
});

function start(options: readonly string[] = [], env: NodeJS.ProcessEnv = {}): StdioPeer {
  const peer = startPeer(gatewayAt(at.url.href, ["--policies", policies, "--no-control-plane", "--dir", state, ...options]), { env });
  peers.push(peer);
  return peer;
}
async function connected(options?: readonly string[], env?: NodeJS.ProcessEnv): Promise<StdioPeer> {
  const peer = start(options, env);
  const first = await peer.ask(0, "initialize", initializeParams());
  expect(read(first), first + peer.errors()).toHaveProperty("result");
  peer.send({ jsonrpc: "2.0", method: "notifications/initialized" });
  return peer;
}
const messageOf = (line: string): string => (read(line)["error"] as { message?: string } | undefined)?.message ?? ""; // JSON-RPC
let count = 100;
const call = (peer: StdioPeer, name: string): Promise<string> => peer.ask((count += 1), "tools/call", { name, arguments: {} });

/** The command line, with somebody at the browser. */
async function run(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<{ readonly code: number | null; readonly printed: string }> {
  const child = spawn(process.execPath, [COUNTERSIGN, "gateway", ...args, "--dir", state], { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...env } });
  let printed = "";
  let visited = false;
  const hear = (chunk: Buffer): void => {
    printed += chunk.toString();
    const address = /^http:\/\/127\.0\.0\.1:\d+\/auth\?\S+$/m.exec(printed)?.[0];
    if (address === undefined || visited) return;
    visited = true;
    void at.visit(address).then(fetch).catch(() => undefined); // the command may end before its page has arrived
  };
  child.stdout.on("data", hear);
  child.stderr.on("data", hear);
  return new Promise((resolve) => child.once("close", (code) => resolve({ code, printed })));
}
function keptSignIn(): { readonly refreshToken: string; readonly clientId: string } {
  const file = join(state, "upstreams", readdirSync(join(state, "upstreams")).find((name) => name.endsWith(".json")) ?? "");
  const { tokens, client } = JSON.parse(readFileSync(file, "utf8")) as { tokens: { refreshToken: string }; client: { client_id: string } }; // as it is kept
  return { refreshToken: tokens.refreshToken, clientId: client.client_id };
}

it("without a sign-in each request is answered with one sentence that names the command; with it, and the client connected anew, calls run", async () => {
  const before = start();
  const refused = messageOf(await before.ask(0, "initialize", initializeParams()));
  expect(refused).toBe(`The server at ${at.url.origin} wants to know who asks (401). Sign in with: countersign gateway login --dir ${state} ${at.url.href} --scope "files:read"`);
  const signedIn = await run(["login", at.url.href, "--no-browser"]);
  expect(signedIn).toEqual({ code: 0, printed: expect.stringContaining(`Signed in at ${at.url.href}, by ${at.issuer}.`) });
  // The gateway that was there before finds it too.
  expect(read(await before.ask(1, "initialize", initializeParams()))).toHaveProperty("result");
  expect(textOf(await call(await connected(), "whoami"))).toBe("ada: files:read");
  expect(statSync(join(state, "upstreams")).mode & 0o777).toBe(0o700);
});

it("more rights than the sign-in has: the call is answered with the command that gets them, and runs after it", async () => {
  await run(["login", at.url.href]);
  const peer = await connected();
  expect(messageOf(await call(peer, "write"))).toContain(`wants more rights than the sign-in has (403). Sign in with: countersign gateway login --dir ${state} ${at.url.href} --scope "files:read files:write"`);
  expect((await run(["login", at.url.href, "--scope", "files:read files:write"])).code).toBe(0);
  expect(textOf(await call(peer, "write"))).toBe("ada: files:read files:write");
});

it("two gateways whose sign-in ends at the same time both go on, again and again", async () => {
  at.tokensLive(32);
  await run(["login", at.url.href]);
  const both = [await connected(), await connected()];
  await Promise.all(both.map((peer) => call(peer, "whoami")));
  const renewals = (): number => at.grants.filter((grant) => grant === "refresh_token").length;
  const before = renewals();
  for (let round = 0; round < 3; round += 1) {
    await new Promise((resolve) => setTimeout(resolve, 2_200)); // from now on the token ends within the half minute that a gateway keeps away from
    expect((await Promise.all(both.map((peer) => call(peer, "whoami")))).map(textOf)).toEqual(["ada: files:read", "ada: files:read"]);
  }
  expect(renewals() - before).toBe(3);
});

it("signed out is signed out, here and there; the name of the server will do", async () => {
  await run(["login", at.url.href]);
  const peer = await connected();
  const { refreshToken, clientId } = keptSignIn();
  expect(await run(["logout", at.url.href])).toEqual({ code: 0, printed: expect.stringContaining("Its authorization server has taken the sign-in back.") });
  expect(textOf(await call(peer, "whoami"))).toContain(`the server refused to list its tools: The server at ${at.url.origin} wants to know who asks (401). Sign in with: countersign gateway login`);
  const renewed = await fetch(`${at.issuer}/token`, { method: "POST", body: new URLSearchParams({ grant_type: "refresh_token", refresh_token: refreshToken, client_id: clientId }) });
  expect(await renewed.json()).toMatchObject({ error: "invalid_grant" });
  expect(await run(["logout", at.url.href])).toEqual({ code: 0, printed: expect.stringContaining("Nobody was signed in") });
  await run(["login", at.url.href]);
  expect((await run(["logout", "server"])).code).toBe(0);
});

it("a name of the configuration will do, whatever its other entries need; who is let in otherwise is told so", async () => {
  const config = join(home, "countersign.yaml");
  const entries = [
    `files: { url: ${at.url.href}, headers: { X-Tenant: "\${env:TENANT}" } }`,
    "other: { url: https://example.com/mcp, headers: { X-Key: '${env:NEVER_SET_ANYWHERE}' } }",
    "local: { command: npx }",
    "machine: { url: https://example.com/mcp, oauth: { clientId: a, clientSecret: b, issuer: https://example.com } }",
    "closed: { url: https://example.com/mcp, oauth: false }",
    "own: { url: https://example.com/mcp, headers: { authorization: Basic x } }",
  ];
  writeFileSync(config, `version: 1\ngateway:\n  servers:\n${entries.map((entry) => `    ${entry}\n`).join("")}`);
  const login = (name: string, env: NodeJS.ProcessEnv = {}): ReturnType<typeof run> => run(["login", name, "--config", config], env);
  expect(await login("files", { TENANT: "acme" })).toEqual({ code: 0, printed: expect.stringContaining(`Signed in at ${at.url.href}`) });
  expect(textOf(await call(await connected(), "whoami"))).toBe("ada: files:read");
  expect(await run(["logout", "files", "--config", config], { TENANT: "acme" })).toEqual({ code: 0, printed: expect.stringContaining("Signed out of") });
  for (const [name, why] of [["files", "needs the environment variable TENANT"], ["local", "it is started by a command"], ["machine", "as a client of its own"], ["closed", "oauth: false"], ["own", "an Authorization header of its own"], ["none", "has no server none. It has closed, files, local"]]) {
    expect([name, await login(name ?? "")]).toEqual([name, { code: name === "files" ? 1 : 2, printed: expect.stringContaining(why ?? "") }]);
  }
  expect((await run(["login", at.url.href, "--config", config])).code).toBe(2);
});

it("a machine is let in by an id and a secret from its environment", async () => {
  const options = ["--oauth-client-id", MACHINE.id, "--oauth-client-secret-env", "SECRET_OF_MACHINE", "--oauth-issuer", at.issuer, "--oauth-scope", "files:read files:write"];
  const peer = await connected(options, { SECRET_OF_MACHINE: MACHINE.secret });
  expect(textOf(await call(peer, "write"))).toBe(`${MACHINE.id}: files:read files:write`);
  at.refuseTokens();
  expect(textOf(await call(peer, "write"))).toBe(`${MACHINE.id}: files:read files:write`);
});

it("no token, secret or code is in what gateway and command line say, nor in the record; wrong usage is 2", async () => {
  const signedIn = await run(["login", at.url.href, "--scope", "files:write"]);
  const peer = await connected();
  await call(peer, "whoami");
  at.refuseTokens();
  await call(peer, "whoami");
  await run(["logout", at.url.href]);
  await call(peer, "whoami");
  await peer.end();
  const secrets = [...at.seen].map((value) => value.replace("Bearer ", ""));
  const record = readdirSync(join(state, "record")).map((name) => readFileSync(join(state, "record", name), "latin1"));
  const said = [signedIn.printed, peer.errors(), ...peer.lines, ...record].join("\n");
  expect(secrets.length).toBeGreaterThan(2);
  for (const secret of secrets) expect(said).not.toContain(secret);
  const wrongs = [
    ["login", "http://example.com/mcp"],
    ["login", "ftp://example.com/mcp"],
    ["login", "nobody-knows-this"],
    ["login", at.url.href, "--client-secret-env", "X"],
    ["login", at.url.href, "--issuer", "http://example.com"],
    ["logout", "nobody-knows-this"],
    ["--url", at.url.href, "--no-control-plane", "--policies", policies, "--oauth-client-id", "x"],
  ];
  expect(await Promise.all(wrongs.map(async (wrong) => [wrong, (await run(wrong)).code]))).toEqual(wrongs.map((wrong) => [wrong, 2]));
  expect(await run(["login", "https://127.0.0.1:9/mcp"])).toEqual({ code: 1, printed: expect.stringContaining("Nobody was signed in: ") });
});
