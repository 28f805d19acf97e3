import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readGatewayDocument } from "../config/read-gateway-document.ts";
import type { GatewayConfig } from "../config/gateway-config.ts";
import { openTokenIssuer } from "../gateway/fixture/token-issuer.ts";
import { askStateless } from "../gateway/http/fixture/http-peer.ts";
import { fixedControl } from "./control-link.ts";
import { createOperator, until, type Operator } from "./fixture/operator.ts";
import { connectMcp, postMcp } from "./fixture/mcp-client.ts";
import { runCli } from "./fixture/run-cli.ts";
import { HttpGateway, type HttpGatewayOptions } from "./http-gateway.ts";

const ECHO = fileURLToPath(new URL("fixture/echo-server.ts", import.meta.url));
const BLOCKS = "version: 1\ndefault: allow\npolicies:\n  - { name: writes, match: 'mcp:*:write', action: block, approval: never, reason: nobody writes }\n";
const ALLOWS = "version: 1\ndefault: allow\npolicies:\n  - { name: reads, match: 'mcp:*:read', action: warn }\n";

let home: string;
let warnings: string[];
const open: { close(): Promise<void> | void }[] = [];
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "countersign-http-gateway-"));
  warnings = [];
  writeFileSync(join(home, "blocks.yaml"), BLOCKS);
  writeFileSync(join(home, "allows.yaml"), ALLOWS);
});
afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close();
  rmSync(home, { recursive: true });
});

function echo(name: string, more = ""): string {
  return `    ${name}: { command: ${JSON.stringify(process.execPath)}, args: [${JSON.stringify(ECHO)}, ${JSON.stringify(join(home, name))}]${more} }\n`;
}

function configOf(servers: string, more = "  policies: blocks.yaml\n  controlPlane: none\n  drain: 1s\n"): GatewayConfig {
  return readGatewayDocument(`version: 1\ngateway:\n  listen: 127.0.0.1:0\n${more}  servers:\n${servers}`, join(home, "countersign.yaml"), {});
}

async function start(config: GatewayConfig, options: Partial<HttpGatewayOptions> = {}): Promise<HttpGateway> {
  const gateway = await HttpGateway.start(config, { directory: join(home, "state"), link: undefined, user: "me", env: process.env, fileMode: () => 0o600, onWarning: (message) => void warnings.push(message), ...options });
  open.push(gateway);
  return gateway;
}

const at = (gateway: HttpGateway, path: string): string => `${gateway.origin}${path}`;
const ran = (name: string): readonly string[] => (existsSync(join(home, name)) ? readFileSync(join(home, name), "utf8").split("\n").filter((line) => line !== "") : []);
const get = async (gateway: HttpGateway, path: string, headers: Record<string, string> = {}): Promise<{ status: number; text: string }> => {
  const answer = await fetch(at(gateway, path), { headers: { connection: "close", ...headers } });
  return { status: answer.status, text: await answer.text() };
};

describe("a gateway over HTTP", () => {
  it("serves each server at its own path, with its own policies, and knows no other", async () => {
    const gateway = await start(configOf(echo("one") + echo("two", ", policies: allows.yaml")));
    const [one, two] = await Promise.all([connectMcp(at(gateway, "/one/mcp")), connectMcp(at(gateway, "/two/mcp"))]);
    const refused = await one.call("write");
    expect([refused.isError, refused.text]).toEqual([true, expect.stringContaining("nobody writes")]);
    expect((await two.call("write", { a: 1 })).text).toMatch(/^\d+ \{"name":"write","arguments":\{"a":1\}/);
    expect([ran("one"), ran("two")]).toEqual([[], ["write"]]);
    expect((await postMcp(at(gateway, "/three/mcp"), { jsonrpc: "2.0", id: 1, method: "ping" })).status).toBe(404);
    expect(gateway.addresses().map(({ url }) => url)).toEqual([at(gateway, "/one/mcp"), at(gateway, "/two/mcp")]);
  });

  it("serves one that is alone at /mcp too", async () => {
    const gateway = await start(configOf(echo("only")));
    expect((await (await connectMcp(at(gateway, "/mcp"))).call("read")).isError).toBe(false);
    expect(ran("only")).toEqual(["read"]);
  });

  it("serves several as one at /mcp, each call under its own server's policies; `join` says who is among them", async () => {
    const gateway = await start(configOf(echo("one") + echo("two", ", policies: allows.yaml") + echo("three", ", join: false")));
    expect(gateway.joinedAddress()).toBe(at(gateway, "/mcp"));
    const all = await connectMcp(at(gateway, "/mcp"));
    expect((await all.send("tools/list")).text).not.toContain("three__");
    expect((await all.call("one__write")).text).toContain("mcp:one:write: nobody writes");
    expect((await all.call("two__write", { a: 1 })).text).toMatch(/^\d+ \{"name":"write","arguments":\{"a":1\}/);
    expect([ran("one"), ran("two")]).toEqual([[], ["write"]]);
    await gateway.apply(configOf(echo("one", ", policies: allows.yaml") + echo("two") + echo("four")));
    expect((await all.call("one__write")).isError).toBe(false);
    expect((await all.call("two__write")).text).toContain("mcp:two:write: nobody writes");
    await expect.poll(async () => (await all.call("four__read")).isError, { timeout: 8_000 }).toBe(false);
    await gateway.apply(configOf(echo("one") + echo("two"), "  policies: blocks.yaml\n  controlPlane: none\n  join: false\n"));
    expect([gateway.joinedAddress(), (await all.call("one__read")).status]).toEqual([undefined, 404]);
  });

  it("counts the sessions of those who have them as one: in the figures, and where it says how it stands", async () => {
    const gateway = await start(configOf(echo("one") + echo("two")));
    await connectMcp(at(gateway, "/mcp"));
    expect((await get(gateway, "/metrics")).text).toMatch(/^countersign_gateway_joined_sessions 1$/m);
    const { out } = await runCli("gateway", "status", "--url", gateway.origin);
    expect(out).toMatch(/\n {2}one {2}stdio, 0 sessions, 1 connection, .*\n {2}two {2}.*\n {2}all as one {2}1 session\n/);
  });

  it("gives a server the variables that its entry sets, and none of the gateway's own secrets", async () => {
    const gateway = await start(configOf(echo("one", ", env: { MINE: x }")), { env: { ...process.env, GITHUB_TOKEN: "secret", COUNTERSIGN_API_KEY: "csk_x" } });
    const { text } = await (await connectMcp(at(gateway, "/one/mcp"))).call("env");
    expect(text).toContain("MINE");
    expect(text).not.toMatch(/GITHUB_TOKEN|COUNTERSIGN/);
  });

  it("lets nobody in without a credential where any is required, or from beyond this machine", async () => {
    const required = await start(configOf(echo("one"), "  policies: blocks.yaml\n  controlPlane: none\n  clients: required\n"));
    const wide = await start({ ...configOf(echo("one")), listen: { host: "0.0.0.0", port: 0 } });
    const behind = await start({ ...configOf(echo("one")), publicUrl: new URL("https://mcp.example.com") });
    for (const gateway of [required, wide, behind]) {
      const answer = await postMcp(`${gateway.localOrigin}/one/mcp`, { jsonrpc: "2.0", id: 1, method: "initialize", params: {} });
      expect([answer.status, answer.headers.get("www-authenticate")]).toEqual([401, "Bearer"]);
    }
    expect(ran("one")).toEqual([]);
  });

  it("refuses hosts and origins that are not its own, and takes those that it was told of", async () => {
    const gateway = await start(configOf(echo("one"), "  policies: blocks.yaml\n  controlPlane: none\n  allowedHosts: [mcp.internal]\n  allowedOrigins: ['https://app.example.com']\n"));
    const status = async (headers: Record<string, string>): Promise<number> => (await postMcp(at(gateway, "/one/mcp"), { jsonrpc: "2.0", id: 1, method: "ping" }, headers)).status;
    expect(await status({ origin: "https://evil.example" })).toBe(403);
    expect(await status({ origin: "https://app.example.com" })).not.toBe(403);
  });
});

describe("a changed configuration", () => {
  it("adds, changes and removes servers, and sessions of the others notice nothing", async () => {
    const gateway = await start(configOf(echo("stays") + echo("goes") + echo("changes")));
    const sessions = Object.fromEntries(await Promise.all(["stays", "goes", "changes"].map(async (name) => [name, await connectMcp(at(gateway, `/${name}/mcp`))] as const)));
    const pidOf = async (name: string): Promise<string> => (await sessions[name]?.call("read"))?.text.split(" ")[0] ?? "";
    const pid = await pidOf("stays");
    await gateway.apply(configOf(echo("stays") + echo("changes", ", env: { A: b }") + echo("comes")));
    expect(await pidOf("stays")).toBe(pid);
    expect((await sessions["goes"]?.call("read"))?.status).toBe(404);
    expect((await sessions["changes"]?.call("read"))?.status).toBe(404); // another server than it was: a session of the old one is none of the new
    expect((await (await connectMcp(at(gateway, "/comes/mcp"))).call("read")).isError).toBe(false);
    expect((await (await connectMcp(at(gateway, "/changes/mcp"))).call("env")).text).toContain("A,");
  });

  it("lets a call of a server that is removed go on, for the time it has", async () => {
    const gateway = await start(configOf(echo("stays") + echo("goes")));
    const goes = await connectMcp(at(gateway, "/goes/mcp"));
    const slow = goes.call("slow", { ms: 500 });
    await until(() => (ran("goes").length === 1 ? true : undefined));
    await gateway.apply(configOf(echo("stays")));
    expect(await slow).toMatchObject({ status: 200, isError: false });
  });

  it("puts other policies in force for sessions that are open", async () => {
    const gateway = await start(configOf(echo("one", ", policies: allows.yaml")));
    const one = await connectMcp(at(gateway, "/one/mcp"));
    expect((await one.call("write")).isError).toBe(false);
    await gateway.apply(configOf(echo("one", ", policies: blocks.yaml")));
    expect(await one.call("write")).toMatchObject({ isError: true, text: expect.stringContaining("nobody writes") });
    expect(ran("one")).toEqual(["write"]);
  });
});

describe("health", () => {
  it("is ready once the canary is back and policies are in force, and says what is less than it may seem", async () => {
    const gateway = await start(configOf(echo("one")));
    expect(await get(gateway, "/healthz")).toEqual({ status: 200, text: '{"status":"ok"}' });
    const { status, text } = await get(gateway, "/readyz");
    expect(status).toBe(200);
    expect(JSON.parse(text)).toMatchObject({ ready: true, conditions: [{ mode: "no_control_plane" }], servers: [{ name: "one", kind: "stdio" }], policies: [{ size: 1 }] });
    expect(JSON.parse((await get(gateway, "/readyz", { "x-forwarded-for": "203.0.113.1" })).text)).toEqual({ ready: true, conditions: [{ mode: "no_control_plane" }] });
    expect(warnings).toContain("Nobody is asked (controlPlane: none): what a policy blocks is refused.");
  });

  it("is not ready without a policy: said in health, in the figures and to the operator, and every call is refused", async () => {
    const nowhere = fixedControl({ url: "http://127.0.0.1:9", apiKey: `csk_k1_${"s".repeat(43)}` });
    const gateway = await start(configOf(echo("one"), ""), { link: nowhere });
    const { status, text } = await get(gateway, "/readyz");
    expect(status).toBe(503);
    expect(text).toContain("countersign policy push FILE");
    expect((await get(gateway, "/metrics")).text).toMatch(/^countersign_gateway_ready 0$[\s\S]*^countersign_gateway_condition\{mode="no_policy"\} 1$/m);
    expect(warnings.join("\n")).toContain("No policy is in force from the control plane's document");
    const call = await (await connectMcp(at(gateway, "/one/mcp"))).call("read");
    expect([call.isError, call.text]).toEqual([true, expect.stringContaining("no policy is in force")]);
    expect(ran("one")).toEqual([]);
  });

  it("says that a document of no policies holds nothing back", async () => {
    writeFileSync(join(home, "blocks.yaml"), "version: 1\npolicies: []\n");
    const gateway = await start(configOf(echo("one")));
    const { conditions, diagnoses } = JSON.parse((await get(gateway, "/readyz")).text) as { conditions: { mode: string }[]; diagnoses: { code: string; severity: string }[] };
    expect(conditions.map(({ mode }) => mode)).toContain("zero_policies");
    expect(diagnoses).toContainEqual(expect.objectContaining({ code: "gateway_zero_policies", severity: "danger" }));
    expect((await get(gateway, "/metrics")).text).toContain('countersign_gateway_condition{mode="zero_policies"} 1');
    expect(warnings.join("\n")).toContain("only its default counts");
  });

  it("counts calls by server and end, and no argument, header or token is among the figures", async () => {
    const gateway = await start(configOf(echo("one", ", env: { TOKEN: very-secret-1 }")));
    const one = await connectMcp(at(gateway, "/one/mcp"), { "x-private": "very-secret-2" });
    await one.call("read", { path: "very-secret-3" });
    await one.call("write", { path: "very-secret-3" });
    await one.call("none");
    const { text } = await get(gateway, "/metrics");
    expect(text).toContain('countersign_gateway_calls_total{server="one",outcome="ran"} 1');
    expect(text).toContain('countersign_gateway_calls_total{server="one",outcome="policy_block"} 1');
    expect(text).toContain('countersign_gateway_calls_total{server="one",outcome="unknown_tool"} 1');
    expect(text).toContain('countersign_gateway_sessions{server="one"} 1');
    expect(text).toMatch(/countersign_gateway_call_seconds_count\{server="one",held="no"\} 3/);
    expect(text + (await get(gateway, "/readyz")).text + warnings.join()).not.toMatch(/very-secret/);
    expect((await get(gateway, "/metrics", { "x-forwarded-for": "203.0.113.1" })).status).toBe(403);
  });
});

describe("with a control plane", () => {
  let operator: Operator;
  let url: string;
  let owner: string;
  let plane: Awaited<ReturnType<Operator["up"]>>;
  beforeEach(async () => {
    operator = createOperator();
    open.push(operator);
    plane = await operator.up("--policies", writePolicy());
    ({ url } = plane);
    owner = await operator.login(url);
  });

  function writePolicy(): string {
    const path = join(home, "asks.yaml");
    writeFileSync(path, "version: 1\ndefault: allow\npolicies:\n  - { name: writes, match: 'mcp:*:write', action: block, reason: ask, approval: {} }\n");
    return path;
  }

  async function addKey(name: string): Promise<{ readonly id: string; readonly secret: string }> {
    const made = await operator.as<{ key: { id: string }; secret: string }>(owner, url, "POST", "/v1/keys", { name, ownerId: null, expiresAt: null });
    return { id: made.body.key.id, secret: made.body.secret };
  }

  const pending = async (): Promise<readonly { id: string; caller?: unknown; state: string; requestDigest: string }[]> => (await operator.as<{ requests: { id: string; state: string; requestDigest: string }[] }>(owner, url, "GET", "/v1/approvals?state=pending")).body.requests;

  async function startWith(more = "  drain: 1s\n"): Promise<HttpGateway> {
    const own = await addKey("gateway");
    return start(configOf(echo("one"), more), { link: fixedControl({ url, apiKey: own.secret }) });
  }

  it("a control plane is lost where it is not heard for some seconds: not before it was ever asked, and not at once", async () => {
    const gateway = await startWith();
    const lost = (): boolean => gateway.readiness().conditions.some(({ mode }) => mode === "control_plane_lost");
    expect([lost(), warnings]).toEqual([false, []]);
    await plane.end();
    const ended = performance.now();
    await until(() => lost() || undefined);
    expect(performance.now() - ended).toBeGreaterThan(4_500);
    await until(() => warnings.some((warning) => warning.includes(`The control plane at ${url} cannot be reached`)) || undefined);
  });

  it("an agent's key is known by the control plane: its calls are asked under that very key, by its name", async () => {
    const gateway = await startWith();
    const bot = await addKey("deploy-bot");
    const one = await connectMcp(at(gateway, "/one/mcp"), { authorization: `Bearer ${bot.secret}` });
    const call = one.call("write", { a: 1 });
    const [request] = await until(async () => ((found) => (found.length > 0 ? found : undefined))(await pending()));
    const seen = await operator.as(owner, url, "GET", `/v1/approvals/${request?.id}`);
    expect(JSON.stringify(seen.body)).toContain(`"principal":"key:${bot.id}"`);
    expect(JSON.stringify(seen.body)).toContain("deploy-bot");
    expect(JSON.stringify(seen.body)).not.toContain("someone else");
    const { requestDigest } = request ?? { requestDigest: "" };
    const voted = await operator.as(owner, url, "POST", `/v1/approvals/${request?.id}/vote`, { choice: "approve", requestDigest, viewedDigest: null, reason: "", grant: null });
    expect(voted.status).toBe(200);
    expect((await call).text).toContain('{"name":"write"');
    expect(ran("one")).toEqual(["write"]);
  });

  it("a key that is revoked opens nothing within seconds, also in a session that it has opened", async () => {
    const gateway = await startWith();
    const bot = await addKey("bot");
    const one = await connectMcp(at(gateway, "/one/mcp"), { authorization: `Bearer ${bot.secret}` });
    expect((await one.call("read")).status).toBe(200);
    const stream = await fetch(at(gateway, "/one/mcp"), { headers: { accept: "text/event-stream", "mcp-session-id": one.session, authorization: `Bearer ${bot.secret}` } });
    expect(stream.status).toBe(200);
    const cut = stream.text().catch(() => "cut");
    await operator.as(owner, url, "DELETE", `/v1/keys/${bot.id}`);
    const revokedAt = performance.now();
    // One that is under way just then is cut off.
    await until(async () => ((await one.call("read").catch(() => undefined))?.status === 401 ? true : undefined));
    expect(await cut).toBe("cut");
    expect(performance.now() - revokedAt).toBeLessThan(7_000);
    await expect(connectMcp(at(gateway, "/one/mcp"), { authorization: `Bearer ${bot.secret}` })).rejects.toThrow("401");
  });

  it("a token's subject is who calls, in the record and for approvers; where tokens come from is said to whoever has none", async () => {
    const issuer = await openTokenIssuer();
    open.push(issuer);
    const gateway = await startWith(`  drain: 1s\n  clients: { local: false, oauth: { issuer: "${issuer.issuer}", scopes: [mcp] } }\n`);
    const resource = at(gateway, "/one/mcp");
    const none = await postMcp(resource, { jsonrpc: "2.0", id: 1, method: "initialize", params: {} });
    const metadata = /resource_metadata="([^"]+)"/.exec(none.headers.get("www-authenticate") ?? "")?.[1] ?? "";
    expect([none.status, metadata]).toEqual([401, at(gateway, "/.well-known/oauth-protected-resource/one/mcp")]);
    expect(JSON.parse((await get(gateway, new URL(metadata).pathname)).text)).toEqual({ resource, authorization_servers: [issuer.issuer], bearer_methods_supported: ["header"], scopes_supported: ["mcp"] });

    const token = await issuer.sign({ sub: "u-1", aud: resource, client_id: "desktop", scope: "mcp" });
    const one = await connectMcp(resource, { authorization: `Bearer ${token}` });
    const call = one.call("write");
    const [request] = await until(async () => ((found) => (found.length > 0 ? found : undefined))(await pending()));
    const seen = JSON.stringify((await operator.as(owner, url, "GET", `/v1/approvals/${request?.id}`)).body);
    expect(seen).toContain('"user":"u-1"');
    expect(seen).toContain("desktop for u-1");
    const elsewhere = await issuer.sign({ sub: "u-1", aud: at(gateway, "/two/mcp"), scope: "mcp" });
    await expect(connectMcp(resource, { authorization: `Bearer ${elsewhere}` })).rejects.toThrow("its audience is not this server");
    // What was given to something else on this machine does not count, whatever Host says.
    const stranger = await issuer.sign({ sub: "u-1", aud: "http://127.0.0.1:9", client_id: "desktop", scope: "mcp" });
    const posed = await askStateless(resource, 1, "server/discover", {}, { credential: `Bearer ${stranger}`, host: "127.0.0.1:9" }).ended;
    expect([posed.status, posed.text]).toEqual([401, expect.stringContaining("its audience is not this server")]);
    // Another person with the same program: neither the session nor the question is theirs.
    const other = { authorization: `Bearer ${await issuer.sign({ sub: "u-2", aud: resource, client_id: "desktop", scope: "mcp" })}` };
    expect((await postMcp(resource, { jsonrpc: "2.0", id: 9, method: "ping" }, { ...other, "mcp-session-id": one.session })).status).toBe(404);
    const second = (await connectMcp(resource, other)).call("write");
    await until(async () => ((await pending()).length === 2 ? true : undefined));
    await gateway.drain();
    expect([(await call).isError, (await second).isError, ran("one")]).toEqual([true, true, []]);
    const lines = readdirSync(join(home, "state", "record")).map((name) => readFileSync(join(home, "state", "record", name), "utf8")).join("");
    expect(lines).toContain(`"principal":"oauth:${issuer.issuer}#u-1"`);
    expect(lines + warnings.join()).not.toContain(token.slice(-20));
  });

  it("a call that waits for people is judged by the policies that the configuration names by now, whatever they were asked under before", async () => {
    writeFileSync(join(home, "lax.yaml"), "version: 1\npolicies:\n  - { name: writes, match: 'mcp:*:write', action: block, approval: {} }\n");
    const own = await addKey("gateway");
    const config = (policies: string): GatewayConfig => configOf(echo("one", `, policies: ${policies}`) + echo("two"), "  drain: 1s\n");
    const gateway = await start(config("lax.yaml"), { link: fixedControl({ url, apiKey: own.secret }) });
    const held = ["/one/mcp", "/mcp"].map(async (path) => (await connectMcp(at(gateway, path))).call(path === "/mcp" ? "one__write" : "write", { path }));
    const requests = await until(async () => ((found) => (found.length === 2 ? found : undefined))(await pending()));
    await gateway.apply(config("blocks.yaml"));
    for (const { id, requestDigest } of requests) await operator.as(owner, url, "POST", `/v1/approvals/${id}/vote`, { choice: "approve", requestDigest, viewedDigest: null, reason: "", grant: null });
    for (const call of held) expect((await call).text).toContain("has not run");
    expect((await (await connectMcp(at(gateway, "/one/mcp"))).call("write", { path: "/one/mcp" })).text).toContain("nobody writes");
    expect(ran("one")).toEqual([]);
  });

  it("one credential's session is nobody else's", async () => {
    const gateway = await startWith();
    const [a, b] = [await addKey("a"), await addKey("b")];
    const one = await connectMcp(at(gateway, "/one/mcp"), { authorization: `Bearer ${a.secret}` });
    for (const headers of [{ authorization: `Bearer ${b.secret}` }, {}]) {
      expect((await postMcp(at(gateway, "/one/mcp"), { jsonrpc: "2.0", id: 9, method: "tools/call", params: { name: "read", arguments: {} } }, { ...headers, "mcp-session-id": one.session })).status).toBe(404);
    }
    expect(ran("one")).toEqual([]);
  });

  it("that ends while people are asked answers the call as pending, and nothing runs", async () => {
    const gateway = await startWith("  drain: 5s\n");
    const one = await connectMcp(at(gateway, "/one/mcp"));
    const call = one.call("write");
    await until(async () => ((await pending()).length > 0 ? true : undefined));
    const started = performance.now();
    await gateway.drain();
    expect(performance.now() - started).toBeLessThan(5_500);
    const { isError, text } = await call;
    expect([isError, text]).toEqual([true, expect.stringContaining("has not run")]);
    expect(ran("one")).toEqual([]);
  });
});
