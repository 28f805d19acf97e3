import { describe, expect, it } from "vitest";
import { createAgentKeys } from "./agent-keys.ts";
import { createIdentifier, type IdentifyOptions, type ProvenOrRefused, type RequestHead } from "./identify-caller.ts";
import type { OAuthTokens, TokenReading } from "./oauth-tokens.ts";

const RESOURCE = new URL("https://mcp.example.com/files/mcp");
const SECRET = `csk_k1_${"s".repeat(43)}`;

function head(headers: Record<string, string | readonly string[]> = {}, remoteAddress = "127.0.0.1"): RequestHead {
  const rawHeaders = Object.entries(headers).flatMap(([name, value]) => [value].flat().flatMap((one) => [name, one]));
  return { headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), [value].flat()[0] ?? ""])), rawHeaders, socket: { remoteAddress } };
}

const keys = createAgentKeys({
  look: async (secret) => (secret === SECRET ? { kind: "known", key: { id: "k1", name: "deploy-bot", principal: "key:k1", owner: { id: "ann-id", name: "Ann" }, expiresAt: null, now: 0 } } : secret.startsWith("csk_away_") ? { kind: "unreachable" } : { kind: "unknown" }),
  onLost: () => undefined,
  now: () => 0,
});

function tokens(reading: TokenReading): OAuthTokens {
  return { issuer: "https://login.example.com", scopes: ["mcp"], verify: async () => reading };
}

const identify = async (options: Partial<IdentifyOptions>, request: RequestHead): Promise<ProvenOrRefused> => createIdentifier({ local: true, keys, oauth: undefined, ...options })(request, () => RESOURCE);
const statusOf = (found: ProvenOrRefused): number => (found.kind === "refused" ? found.refusal.status : 200);

describe("who calls", () => {
  it("is the local user for a program of this machine, and nobody for anyone else", async () => {
    for (const address of ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"]) expect(await identify({}, head({}, address))).toEqual({ kind: "proven", caller: { kind: "local" } });
    for (const address of ["10.0.0.5", "::ffff:10.0.0.5", "fe80::1", "128.0.0.1", "", "127.0.0.1.evil"]) expect(statusOf(await identify({}, head({}, address)))).toBe(401);
    expect(statusOf(await identify({ local: false }, head()))).toBe(401);
  });

  it("is nobody local where a proxy on this machine says that somebody is behind it", async () => {
    for (const name of ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"]) expect(statusOf(await identify({}, head({ [name]: "203.0.113.9" })))).toBe(401);
  });

  it("is an agent by its key, with the name and owner that the control plane knows", async () => {
    expect(await identify({}, head({ Authorization: `Bearer ${SECRET}` }, "10.0.0.5"))).toEqual({ kind: "proven", caller: { kind: "agent", secret: SECRET, keyId: "k1", name: "deploy-bot", ownerId: "ann-id" } });
    expect(await identify({}, head({ Authorization: `bearer ${SECRET}` }))).toMatchObject({ kind: "proven" });
  });

  it("is never the local user where a credential was given that is not good", async () => {
    const wrong = ["Bearer x", `Bearer csk_k2_${"t".repeat(43)}`, "Basic dTpw", "Bearer", "", `Bearer ${SECRET} `.repeat(2), `Bearer ${SECRET}, Bearer ${SECRET}`, `Bearer\t${SECRET}\u0000`];
    for (const authorization of wrong) expect([authorization, statusOf(await identify({}, head({ Authorization: authorization })))]).toEqual([authorization, 401]);
    expect(statusOf(await identify({}, head({ Authorization: [`Bearer ${SECRET}`, "Bearer other"] })))).toBe(400);
    expect(statusOf(await identify({ keys: undefined }, head({ Authorization: `Bearer ${SECRET}` })))).toBe(401);
  });

  it("is said to be unknown for now where the control plane cannot be reached", async () => {
    const found = await identify({}, head({ Authorization: `Bearer csk_away_${"s".repeat(43)}` }));
    expect(found).toEqual({ kind: "refused", refusal: { status: 503, reason: "the control plane, which knows the agent keys, cannot be reached; try again in a moment", headers: { "retry-after": "2" } } });
  });

  it("is the subject of a token; a token that is not good is answered with where good ones come from", async () => {
    const valid = { kind: "valid", issuer: "https://login.example.com", subject: "s-1", user: "ann", agent: "desktop" } as const;
    const oauth = tokens(valid);
    expect(await identify({ oauth }, head({ Authorization: "Bearer a.b.c" }, "10.0.0.5"))).toEqual({ kind: "proven", caller: { ...valid, kind: "oauth" } });
    const challenged = async (reading: TokenReading): Promise<unknown> => {
      const found = await identify({ oauth: tokens(reading) }, head({ Authorization: "Bearer a.b.c" }));
      return found.kind === "refused" ? [found.refusal.status, found.refusal.headers?.["www-authenticate"] ?? found.refusal.headers?.["retry-after"]] : found;
    };
    const where = 'resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/files/mcp", scope="mcp"';
    expect(await challenged({ kind: "invalid", why: "the token has expired" })).toEqual([401, `Bearer error="invalid_token", ${where}`]);
    expect(await challenged({ kind: "lacks scope", missing: ["mcp"] })).toEqual([403, `Bearer error="insufficient_scope", ${where}`]);
    expect(await challenged({ kind: "unreachable" })).toEqual([503, "2"]);
    const nothing = await identify({ oauth, local: false }, head({}, "10.0.0.5"));
    expect(nothing).toMatchObject({ refusal: { status: 401, headers: { "www-authenticate": `Bearer ${where}` }, reason: "a credential is needed: an agent key of the control plane or an OAuth token, as a bearer token" } });
  });
});
