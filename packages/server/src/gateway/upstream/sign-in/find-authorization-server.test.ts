/** Servers that lie about where to sign in, or lead somewhere else. */
import { afterEach, describe, expect, it } from "vitest";
import { answerJson, httpServer, type TestHttpServer } from "../../fixture/http-server.ts";
import { carefulFetch, mayAsk } from "./careful-fetch.ts";
import { findAuthorizationServer } from "./find-authorization-server.ts";

let server: TestHttpServer;
let elsewhere: TestHttpServer | undefined;
afterEach(async () => {
  await server.close();
  await elsewhere?.close();
  elsewhere = undefined;
});

interface Lies {
  readonly resource?: string;
  readonly issuer?: string;
  readonly metadata?: object;
  readonly status?: number;
}

/** One address for both, with what is told about it changed. */
async function open({ resource, issuer, metadata = {}, status = 200 }: Lies = {}): Promise<void> {
  server = await httpServer((request, response) => {
    const { origin, href } = server.url;
    if (request.path.includes("oauth-protected-resource")) return answerJson(response, { resource: resource ?? href, authorization_servers: [issuer ?? origin], scopes_supported: ["a"] }, status);
    const told = { issuer: origin, authorization_endpoint: `${origin}/authorize`, token_endpoint: `${origin}/token`, response_types_supported: ["code"], code_challenge_methods_supported: ["S256"], ...metadata };
    answerJson(response, told, request.path.includes("oauth-authorization-server") ? 200 : 404);
  });
}
const find = (): Promise<object> => findAuthorizationServer(server.url, {});

describe("where to sign in", () => {
  it("is what the server and the authorization server say", async () => {
    await open();
    expect(await find()).toMatchObject({ issuer: server.url.origin, resource: server.url.href, scopes: ["a"] });
  });

  it("may be at the server's own origin, where it is older and says nothing", async () => {
    await open({ status: 404 });
    expect(await find()).toMatchObject({ resource: server.url.href, scopes: [] });
  });

  it.each<[string, Lies, RegExp]>([
    ["metadata of another server", { resource: "https://bank.example/mcp" }, /are those of another server \(https:\/\/bank\.example\)/],
    ["an issuer without encryption", { issuer: "http://login.example" }, /at an address that is not asked: only https is/],
    ["an issuer that is no address", { issuer: "javascript:alert(1)" }, /says nothing about signing in that can be read/],
    ["an issuer that says to be another one", { metadata: { issuer: "https://other.example" } }, /issuer/i],
    ["a sign-in page that is a program", { metadata: { authorization_endpoint: "file:///usr/bin/calc" } }, /names an address that is not asked/],
    ["a sign-in page that is a script", { metadata: { authorization_endpoint: "javascript:alert(1)" } }, /says nothing about signing in that can be read/],
    ["a token endpoint within somebody's network", { metadata: { token_endpoint: "http://169.254.169.254/latest" } }, /names an address that is not asked/],
    ["a registration with a password in its address", { metadata: { registration_endpoint: "https://a:b@login.example/r" } }, /names an address that is not asked/],
    ["no PKCE", { metadata: { code_challenge_methods_supported: ["plain"] } }, /does not offer PKCE with S256/],
    ["no word about PKCE", { metadata: { code_challenge_methods_supported: undefined } }, /does not offer PKCE with S256/],
    ["a failure", { status: 500 }, /500/],
  ])("is not found by %s", async (_, lies, why) => {
    await open(lies);
    await expect(find()).rejects.toThrow(why);
  });
});

describe("what a server sends us to", () => {
  it("is asked over https, and on this machine where the server is on it too", () => {
    const [far, near] = [new URL("https://mcp.example/mcp"), new URL("http://localhost:1/mcp")];
    const asked = (from: URL, to: string): boolean => mayAsk(from, new URL(to));
    server = { close: () => Promise.resolve() } as TestHttpServer; // none is needed here
    expect(["https://login.example", "http://login.example", "http://127.0.0.1:7433", "http://localhost", "ftp://x.example", "https://u:p@login.example"].map((to) => asked(far, to))).toEqual([true, false, false, false, false, false]);
    expect(["http://127.0.0.1:2", "http://[::1]:2", "http://192.168.0.1", "http://localhost.evil.example"].map((to) => asked(near, to))).toEqual([true, true, false, false]);
  });

  it("may not lead on, nor say without end", async () => {
    elsewhere = await httpServer((_, response) => answerJson(response, {}));
    const target = elsewhere.url.href;
    server = await httpServer((request, response) => (request.path === "/long" ? void response.end(Buffer.alloc(2_000_000)) : void response.writeHead(302, { location: target }).end()));
    const ask = carefulFetch(server.url);
    expect((await ask(server.url)).status).toBe(302);
    await expect(ask(new URL("/long", server.url))).rejects.toThrow("longer than");
    expect(elsewhere.requests).toEqual([]);
  });
});
