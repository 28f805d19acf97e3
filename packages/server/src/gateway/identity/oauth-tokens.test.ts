import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT, type CryptoKey } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createOAuthTokens, type OAuthTokensOptions, type TokenReading } from "./oauth-tokens.ts";

// An issuer as RFC 8414 has it, with a key of its own. The tokens are made here, so that each can be wrong in one way.
const RESOURCE = new URL("https://mcp.example.com/files/mcp");
let server: Server;
let issuer: string;
let keys: { readonly privateKey: CryptoKey; readonly publicKey: CryptoKey };
let strangers: typeof keys;
let isAway = false;
let published: readonly object[] = [];

beforeAll(async () => {
  keys = await generateKeyPair("ES256");
  strangers = await generateKeyPair("ES256");
  published = [{ ...(await exportJWK(keys.publicKey)), kid: "k1", alg: "ES256" }];
  server = createServer((request, response) => {
    if (isAway) return void response.writeHead(503).end();
    const body = request.url === "/.well-known/oauth-authorization-server/tenant" ? { issuer, jwks_uri: `${issuer}/keys` } : request.url === "/tenant/keys" ? { keys: published } : undefined;
    response.writeHead(body === undefined ? 404 : 200, { "content-type": "application/json", connection: "close" }).end(JSON.stringify(body ?? {}));
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}/tenant`; // a TCP server has one
});
afterAll(() => new Promise((resolve) => server.close(resolve)));

const CLAIMS: Readonly<Record<string, unknown>> = { sub: "u-1", aud: RESOURCE.href, client_id: "desktop", scope: "mcp read" };
/** Whatever stands in it: a claim may have any value here. */
const sign = (claims: Readonly<Record<string, unknown>> = CLAIMS, key: CryptoKey = keys.privateKey, kid = "k1"): Promise<string> => new SignJWT({ iss: issuer, exp: Math.floor(Date.now() / 1_000) + 60, ...claims }).setProtectedHeader({ alg: "ES256", kid, typ: "at+jwt" }).sign(key);
const read = async (token: string, options: Partial<OAuthTokensOptions> = {}): Promise<TokenReading> =>
  createOAuthTokens({ issuer, audience: undefined, jwksUrl: undefined, scopes: ["mcp"], userClaim: undefined, agentClaim: undefined, ...options }).verify(token, RESOURCE);

describe("an access token", () => {
  it("proves its subject, and names the program that it was given to", async () => {
    expect(await read(await sign())).toEqual({ kind: "valid", issuer, subject: "u-1", user: "u-1", agent: "desktop" });
    expect(await read(await sign({ ...CLAIMS, email: "ann@example.com", app: "cli" }), { userClaim: "email", agentClaim: "app" })).toMatchObject({ subject: "u-1", user: "ann@example.com", agent: "cli" });
    expect(await read(await sign({ ...CLAIMS, client_id: undefined, azp: "web" }))).toMatchObject({ agent: "web" });
  });

  it("is for this very endpoint, or for the gateway as a whole, or for whom the operator names", async () => {
    for (const aud of [RESOURCE.href, "https://mcp.example.com", "https://mcp.example.com/", ["x", RESOURCE.href]]) expect((await read(await sign({ ...CLAIMS, aud }))).kind).toBe("valid");
    for (const aud of ["https://mcp.example.com/git/mcp", "https://mcp.example.com/files", "desktop", undefined]) expect((await read(await sign({ ...CLAIMS, aud }))).kind, String(aud)).toBe("invalid");
    expect((await read(await sign({ ...CLAIMS, aud: "api://gw" }), { audience: ["api://gw"] })).kind).toBe("valid");
    expect((await read(await sign(), { audience: ["api://gw"] })).kind).toBe("invalid");
  });

  it("counts for nothing where anything about it is not right", async () => {
    const now = Math.floor(Date.now() / 1_000);
    const wrong: readonly (readonly [string, string])[] = [
      ["signed by a stranger", await sign(CLAIMS, strangers.privateKey)],
      ["signed by a stranger under another name", await sign(CLAIMS, strangers.privateKey, "k2")],
      ["not signed", new UnsecuredJWT({ iss: issuer, exp: now + 60, ...CLAIMS }).encode()],
      // The public key as a secret: an old trick.
      ["signed with what everybody has", await new SignJWT({ iss: issuer, exp: now + 60, ...CLAIMS }).setProtectedHeader({ alg: "HS256", kid: "k1" }).sign(new TextEncoder().encode(JSON.stringify(published[0])))],
      ["of another issuer", await sign({ ...CLAIMS, iss: "https://login.example.com" })],
      ["expired", await sign({ ...CLAIMS, exp: now - 60 })],
      ["without an end", await sign({ ...CLAIMS, exp: undefined })],
      ["not valid yet", await sign({ ...CLAIMS, nbf: now + 600 })],
      ["about nobody", await sign({ ...CLAIMS, sub: undefined })],
      ["about the empty name", await sign({ ...CLAIMS, sub: "" })],
      ["with other bytes", (await sign()).replace(/\.[^.]*\./, (part) => `.${Buffer.from(Buffer.from(part.slice(1, -1), "base64url").toString().replace("u-1", "u-2")).toString("base64url")}.`)],
      ["no token at all", "a.b.c"],
      ["nothing", ""],
    ];
    for (const [what, token] of wrong) {
      const reading = await read(token);
      expect([what, reading.kind]).toEqual([what, "invalid"]);
      expect(JSON.stringify(reading)).not.toContain("u-1");
    }
  });

  it("has every scope that is asked for", async () => {
    expect(await read(await sign(), { scopes: ["mcp", "write"] })).toEqual({ kind: "lacks scope", missing: ["write"] });
    expect((await read(await sign({ ...CLAIMS, scope: undefined, scp: ["mcp"] }))).kind).toBe("valid");
    expect((await read(await sign({ ...CLAIMS, scope: undefined }))).kind).toBe("lacks scope");
  });

  it("cannot be judged while its issuer is away, and can again afterwards", async () => {
    const tokens = createOAuthTokens({ issuer, audience: undefined, jwksUrl: undefined, scopes: [], userClaim: undefined, agentClaim: undefined });
    const token = await sign();
    isAway = true;
    expect(await tokens.verify(token, RESOURCE)).toEqual({ kind: "unreachable" });
    isAway = false;
    await expect.poll(async () => (await tokens.verify(token, RESOURCE)).kind, { timeout: 5_000 }).toBe("valid");
  });

  it("is not taken from an issuer whose keys somebody on the way could swap", () => {
    for (const wrong of [{ issuer: "http://login.example.com" }, { jwksUrl: "http://keys.example.com" }]) {
      expect(() => createOAuthTokens({ issuer, audience: undefined, jwksUrl: undefined, scopes: [], userClaim: undefined, agentClaim: undefined, ...wrong })).toThrow("Use https://");
    }
  });
});
