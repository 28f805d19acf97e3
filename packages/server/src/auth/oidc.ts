/**
 * Sign-in at an OpenID provider by openid-client: discovery, authorization code with PKCE, state and nonce, the identity token's
 * signature, issuer and audience. What comes out is who the provider says it is: issuer and subject. An address is only ever
 * told along. Keeps nothing but the discovered configuration; called by control/sign-in.
 */
import * as client from "openid-client";
import { z } from "zod";

export interface OidcOptions {
  /** As in the provider's `iss`. */
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** What the button says. */
  readonly name: string;
  /** Extra scopes; `openid email profile` are always asked for. */
  readonly scopes?: readonly string[];
}

export interface OidcStart {
  readonly url: string;
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
}

export interface OidcSubject {
  readonly issuer: string;
  readonly subject: string;
  /** Null where the provider told none, or says that it is not verified. */
  readonly verifiedEmail: string | null;
  readonly name: string;
}

export interface Oidc {
  readonly name: string;
  start(redirectUri: string): Promise<OidcStart>;
  /** Or in words for the log why it does not count. `query`: of the callback as it was called. */
  finish(redirectUri: string, query: string, began: { readonly state: string; readonly nonce: string; readonly verifier: string }): Promise<OidcSubject | string>;
}

const TIMEOUT_SECONDS = 10;
/** One `@`, as the addresses that owners write. */
const address = z.email().max(254);

export function createOidc(options: OidcOptions): Oidc {
  const { issuer, clientId, clientSecret, name, scopes = [] } = { ...options };
  let known: Promise<client.Configuration> | undefined;
  const discover = (): Promise<client.Configuration> => {
    // For a token that comes straight from the provider the library leaves its signature to TLS; we check it all the same.
    const execute = [client.enableNonRepudiationChecks, ...(isOnThisMachine(issuer) ? [client.allowInsecureRequests] : [])];
    known ??= client.discovery(new URL(issuer), clientId, clientSecret, undefined, { timeout: TIMEOUT_SECONDS, execute });
    // A provider that was away is asked again by the next person.
    known.catch(() => (known = undefined));
    return known;
  };

  return {
    name,
    start: async (redirectUri) => {
      const configuration = await discover();
      const began = { state: client.randomState(), nonce: client.randomNonce(), verifier: client.randomPKCECodeVerifier() };
      const url = client.buildAuthorizationUrl(configuration, {
        redirect_uri: redirectUri,
        scope: ["openid", "email", "profile", ...scopes].join(" "),
        state: began.state,
        nonce: began.nonce,
        code_challenge: await client.calculatePKCECodeChallenge(began.verifier),
        code_challenge_method: "S256",
      });
      return { url: url.href, ...began };
    },
    finish: async (redirectUri, query, { state, nonce, verifier }) => {
      try {
        // Of the callback only the query counts: where we are is what was configured, not what a Host header says.
        const url = new URL(redirectUri);
        url.search = query;
        const tokens = await client.authorizationCodeGrant(await discover(), url, { expectedState: state, expectedNonce: nonce, pkceCodeVerifier: verifier, idTokenExpected: true });
        const claims = tokens.claims();
        if (claims === undefined) return "no identity token";
        return subjectOf(claims, await client.fetchUserInfo(await discover(), tokens.access_token, claims.sub).catch(() => undefined));
      } catch (error) {
        return error instanceof Error ? `${error.name}: ${error.message}`.slice(0, 200) : "unreadable";
      }
    },
  };
}

function subjectOf(claims: client.IDToken, userInfo: client.UserInfoResponse | undefined): OidcSubject {
  // Address and its verification are taken from the same source, never one from each.
  const source = typeof claims["email"] === "string" ? claims : userInfo;
  const email = address.safeParse(source?.["email"]).data;
  const name = claims["name"] ?? userInfo?.["name"];
  return {
    issuer: claims.iss,
    subject: claims.sub,
    verifiedEmail: email !== undefined && source?.["email_verified"] === true ? email : null,
    name: typeof name === "string" && name !== "" ? name.slice(0, 200) : claims.sub,
  };
}

/** Plain HTTP is accepted of a provider on this machine alone. */
function isOnThisMachine(issuer: string): boolean {
  const { protocol, hostname } = new URL(issuer);
  return protocol === "http:" && ["localhost", "127.0.0.1", "[::1]"].includes(hostname);
}
