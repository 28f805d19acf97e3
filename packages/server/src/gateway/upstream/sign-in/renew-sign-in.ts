/** A kept sign-in renewed by its refresh token, at the issuer that it came from. Called by whoever holds the lock. */
import { OAuthError, refreshAuthorization, type OAuthTokens } from "@modelcontextprotocol/client";
import { carefulFetch } from "./careful-fetch.ts";
import { writeSignIn, type KeptSignIn } from "./kept-file.ts";

export type Renewal =
  | { readonly kind: "renewed" }
  /** It is over: somebody has to sign in. */
  | { readonly kind: "over"; readonly why: string }
  /** It may work later. */
  | { readonly kind: "failed"; readonly why: string };

const OVER: readonly string[] = ["invalid_grant", "invalid_client", "unauthorized_client"];

export async function renewSignIn(server: URL, kept: KeptSignIn, stateDirectory: string): Promise<Renewal> {
  const { refreshToken } = kept.tokens;
  if (refreshToken === undefined) return { kind: "over", why: "it cannot be renewed" };
  try {
    const tokens = await refreshAuthorization(kept.issuer, { metadata: kept.metadata, clientInformation: kept.client, refreshToken, resource: kept.resource, fetchFn: carefulFetch(server) });
    writeSignIn(stateDirectory, server, { ...kept, tokens: tokensOf(tokens, kept.tokens.scope) });
    return { kind: "renewed" };
  } catch (error) {
    if (error instanceof OAuthError && OVER.includes(error.code)) {
      const { refreshToken: _used, ...tokens } = kept.tokens;
      writeSignIn(stateDirectory, server, { ...kept, tokens }); // nobody tries it again
      return { kind: "over", why: `the authorization server does not take it any more (${error.code})` };
    }
    return { kind: "failed", why: whyOf(error) };
  }
}

/** `scope`: where the server does not say, it is what was asked for (RFC 6749, 5.1). Throws where the tokens are of a kind that we cannot send. */
export function tokensOf(tokens: OAuthTokens, scope: string | undefined): KeptSignIn["tokens"] {
  if (tokens.token_type.toLowerCase() !== "bearer") throw new Error(`the authorization server gave a token of the type ${JSON.stringify(tokens.token_type.slice(0, 20))}; bearer tokens are used here`);
  const granted = tokens.scope ?? scope;
  return {
    accessToken: tokens.access_token,
    ...(tokens.refresh_token === undefined ? {} : { refreshToken: tokens.refresh_token }),
    ...(granted === undefined ? {} : { scope: granted }),
    ...(tokens.expires_in === undefined ? {} : { expiresAt: Date.now() + tokens.expires_in * 1_000 }),
  };
}

/** Of OAuth's own errors the code alone: their text is the other side's, and may repeat what it was sent. */
export function whyOf(error: unknown): string {
  if (error instanceof OAuthError) return `the authorization server says ${error.code.slice(0, 60)}`;
  if (!(error instanceof Error)) return String(error);
  const below: unknown = error.cause;
  return below instanceof Error && below.message !== "" ? below.message : error.message;
}
