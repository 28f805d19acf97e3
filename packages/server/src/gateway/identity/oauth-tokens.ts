/**
 * OAuth 2.1 access tokens, as a resource server reads them: JWTs (RFC 9068) of one issuer, whose signature, issuer, audience, times and
 * scopes are checked with every request. The issuer's keys come from the address that its own metadata names (RFC 8414), and are fetched anew
 * where a token names one that is not known. A token proves a subject at that issuer, and nothing else.
 */
import { createRemoteJWKSet, errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from "jose";
import { z } from "zod";

export interface OAuthTokensOptions {
  /** As in the tokens' `iss`. */
  readonly issuer: string;
  /** What `aud` must name, one of them. Undefined: the endpoint that is called, or the gateway as a whole. */
  readonly audience: readonly string[] | undefined;
  readonly jwksUrl: string | undefined;
  readonly scopes: readonly string[];
  /** Default sub. */
  readonly userClaim: string | undefined;
  /** Default client_id, else azp. */
  readonly agentClaim: string | undefined;
}

export type TokenReading =
  | { readonly kind: "valid"; readonly issuer: string; readonly subject: string; readonly user: string; readonly agent: string }
  /** `why`: for the client; holds nothing of the token. */
  | { readonly kind: "invalid"; readonly why: string }
  | { readonly kind: "lacks scope"; readonly missing: readonly string[] }
  | { readonly kind: "unreachable" };

export interface OAuthTokens {
  readonly issuer: string;
  readonly scopes: readonly string[];
  /** Never rejects. */
  verify(token: string, resource: URL): Promise<TokenReading>;
}

/** Signatures that only the issuer can make. */
const ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"];
const CLOCK_SECONDS = 30;
const AGAIN_MS = 1_000;
const TIMEOUT_MS = 5_000;
const MAX_METADATA = 256 * 1024;
const metadata = z.object({ issuer: z.string(), jwks_uri: z.string() });

/** Throws TypeError where tokens of this issuer could be had by somebody on the way. */
export function createOAuthTokens(options: OAuthTokensOptions): OAuthTokens {
  const { issuer, audience, jwksUrl, scopes, userClaim = "sub", agentClaim } = options;
  assertSafe(issuer);
  if (jwksUrl !== undefined) assertSafe(jwksUrl);
  let keys: Promise<JWTVerifyGetKey> | undefined;
  const keySet = (): Promise<JWTVerifyGetKey> => {
    keys ??= (jwksUrl === undefined ? discover(issuer) : Promise.resolve(jwksUrl)).then((url) => createRemoteJWKSet(new URL(url), { timeoutDuration: TIMEOUT_MS }));
    // An issuer that was away is asked again, and not by every request.
    keys.catch(() => void setTimeout(() => (keys = undefined), AGAIN_MS).unref());
    return keys;
  };

  return {
    issuer,
    scopes,
    async verify(token, resource) {
      try {
        const { payload } = await jwtVerify(token, await keySet(), {
          issuer,
          audience: [...(audience ?? [resource.href, `${resource.origin}/`, resource.origin])],
          algorithms: ALGORITHMS,
          requiredClaims: ["exp", "sub"],
          clockTolerance: CLOCK_SECONDS,
        });
        return readPayload(payload, { issuer, scopes, userClaim, agentClaim });
      } catch (error) {
        return whyNot(error);
      }
    },
  };
}

function readPayload(payload: JWTPayload, { issuer, scopes, userClaim, agentClaim }: Pick<OAuthTokensOptions, "issuer" | "scopes" | "agentClaim"> & { readonly userClaim: string }): TokenReading {
  const subject = payload.sub ?? "";
  const user = textOf(payload[userClaim]);
  if (subject === "" || user === undefined) return { kind: "invalid", why: `the token names nobody: it lacks the claim ${subject === "" ? "sub" : userClaim}` };
  const given = scopesOf(payload);
  const missing = scopes.filter((scope) => !given.includes(scope));
  if (missing.length > 0) return { kind: "lacks scope", missing };
  const agent = agentClaim === undefined ? (textOf(payload["client_id"]) ?? textOf(payload["azp"])) : textOf(payload[agentClaim]);
  return { kind: "valid", issuer, subject, user, agent: agent ?? "" };
}

/** `scope` as RFC 9068 has it; some issuers write a list, or `scp`. */
function scopesOf(payload: JWTPayload): readonly string[] {
  return [payload["scope"], payload["scp"]].flatMap((value) => (typeof value === "string" ? value.split(" ") : Array.isArray(value) ? value.filter((one) => typeof one === "string") : []));
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" && value.length <= 1_024 ? value : undefined;
}

function whyNot(error: unknown): TokenReading {
  if (error instanceof errors.JWTExpired) return { kind: "invalid", why: "the token has expired" };
  if (error instanceof errors.JWTClaimValidationFailed) return { kind: "invalid", why: error.claim === "aud" ? "the token is for somebody else: its audience is not this server" : `the token's claim ${error.claim} is not what it must be` };
  if (error instanceof errors.JWKSTimeout) return { kind: "unreachable" };
  if (error instanceof errors.JOSEError && error.code !== "ERR_JOSE_GENERIC") return { kind: "invalid", why: "the token is no valid token of the issuer that is trusted here" };
  return { kind: "unreachable" };
}

/** Where the issuer says that its keys are: RFC 8414, then OpenID Connect Discovery. What it says must be about itself. */
async function discover(issuer: string): Promise<string> {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, "");
  for (const url of [`${origin}/.well-known/oauth-authorization-server${path}`, `${origin}${path}/.well-known/openid-configuration`]) {
    const answer = await fetch(url, { redirect: "error", signal: AbortSignal.timeout(TIMEOUT_MS), headers: { accept: "application/json" } });
    const text = await answer.text();
    if (!answer.ok || text.length > MAX_METADATA) continue;
    const read = metadata.safeParse(parse(text)).data;
    if (read === undefined || read.issuer !== issuer) continue;
    assertSafe(read.jwks_uri);
    return read.jwks_uri;
  }
  throw new Error("the issuer's metadata cannot be had");
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function assertSafe(address: string): void {
  const { protocol, hostname } = new URL(address);
  const isHere = hostname === "localhost" || hostname === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(hostname);
  if (protocol !== "https:" && !(protocol === "http:" && isHere)) throw new TypeError(`${address}: whoever is on the way could sign tokens of their own. Use https://.`);
}
