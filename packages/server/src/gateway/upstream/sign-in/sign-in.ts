/**
 * Somebody signs in at a server that the gateway stands before: authorization code with PKCE in their own browser, for this server alone
 * (RFC 8707), as a client that the authorization server was told of before or registers now. Called by cli/gateway-login.ts; a gateway never
 * opens a browser.
 */
import { randomBytes } from "node:crypto";
import { computeScopeUnion, exchangeAuthorization, extractWWWAuthenticateParams, registerClient, RegistrationRejectedError, startAuthorization, validateAuthorizationResponseIssuer, type OAuthClientInformationMixed } from "@modelcontextprotocol/client";
import { escapeText } from "@countersign/sdk/enforcement";
import { awaitRedirect, type AwaitedRedirect } from "./await-redirect.ts";
import { carefulFetch } from "./careful-fetch.ts";
import { findAuthorizationServer, type AuthorizationServer } from "./find-authorization-server.ts";
import { addressOf, type KeptSignIn } from "./kept-file.ts";
import { tokensOf, whyOf } from "./renew-sign-in.ts";

export interface SignInOptions {
  /** A client that the authorization server knows; else one is registered. */
  readonly client: { readonly id: string; readonly secret: string | undefined } | undefined;
  /** The only authorization server that is accepted. */
  readonly issuer: string | undefined;
  /** Rights beyond what the server asks for. */
  readonly scope: string | undefined;
  /** Where the browser comes back to; 0 for any port. */
  readonly port: number;
  /** What is sent to the server with every request. */
  readonly headers: Readonly<Record<string, string>>;
  /** The address for the browser. */
  readonly show: (address: string) => void;
  readonly signal: AbortSignal;
}

interface Challenge {
  readonly resourceMetadataUrl: URL | undefined;
  readonly scope: string | undefined;
}

/** Throws an Error with what is wrong, for people. */
export async function signIn(server: URL, options: SignInOptions): Promise<KeptSignIn> {
  const { issuer, scope, signal, port } = options;
  const challenge = await challengeOf(server, options);
  const found = await findAuthorizationServer(server, { resourceMetadataUrl: challenge.resourceMetadataUrl, issuer });
  const asked = scopeFor(found, challenge, scope);
  const redirect = await awaitRedirect(port);
  try {
    const client = await clientFor(server, found, redirect, asked, options);
    const state = randomBytes(24).toString("base64url");
    const { metadata, resource } = found;
    const { authorizationUrl, codeVerifier } = await startAuthorization(found.issuer, { metadata, clientInformation: client, redirectUrl: redirect.redirectUri, state, resource, ...(asked === undefined ? {} : { scope: asked }) });
    const answer = redirect.answer(state, signal);
    options.show(authorizationUrl.href);
    const authorizationCode = codeIn(await answer, found);
    const iss = (await answer).get("iss");
    const tokens = await exchangeAuthorization(found.issuer, { metadata, clientInformation: client, authorizationCode, codeVerifier, redirectUri: redirect.redirectUri, resource, fetchFn: carefulFetch(server), ...(iss === null ? {} : { iss }) });
    return { version: 1, server: addressOf(server), issuer: metadata.issuer, resource, metadata, client: clientToKeep(client), tokens: tokensOf(tokens, asked) };
  } finally {
    await redirect.close();
  }
}

/** What the server answers to somebody without a sign-in. Its metadata may be found without it. */
async function challengeOf(server: URL, { headers }: SignInOptions): Promise<Challenge> {
  const ask = carefulFetch(server);
  const post = await ask(server, { method: "POST", headers: { ...headers, "content-type": "application/json", accept: "application/json, text/event-stream" }, body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" }) });
  const { resourceMetadataUrl, scope } = extractWWWAuthenticateParams(post);
  return { resourceMetadataUrl, scope };
}

/** As MCP says: what the server asked for, else all that it has rights for; and a refresh token where there are any. */
function scopeFor({ scopes, metadata }: AuthorizationServer, challenge: Challenge, more: string | undefined): string | undefined {
  const asked = computeScopeUnion(challenge.scope ?? (scopes.length > 0 ? scopes.join(" ") : undefined), more);
  return asked !== undefined && metadata.scopes_supported?.includes("offline_access") === true ? computeScopeUnion(asked, "offline_access") : asked;
}

async function clientFor(server: URL, found: AuthorizationServer, { redirectUri }: AwaitedRedirect, scope: string | undefined, { client }: SignInOptions): Promise<OAuthClientInformationMixed> {
  if (client !== undefined) return { client_id: client.id, ...(client.secret === undefined ? {} : { client_secret: client.secret }) };
  const { origin } = new URL(found.issuer);
  if (found.metadata.registration_endpoint === undefined) throw new Error(`${origin} registers no clients. Have one registered there, with the redirect address http://127.0.0.1:PORT/callback, and sign in with --client-id (and --port, where the port is part of it).`);
  const clientMetadata = { client_name: "Countersign gateway", redirect_uris: [redirectUri], grant_types: ["authorization_code", "refresh_token"], response_types: ["code"], token_endpoint_auth_method: "none", application_type: "native" as const };
  const register = (more: { readonly scope?: string }): Promise<OAuthClientInformationMixed> => registerClient(found.issuer, { metadata: found.metadata, clientMetadata, fetchFn: carefulFetch(server), ...more });
  try {
    // There are servers that want to know the scopes now, and servers that know none of a resource's here.
    return await register(scope === undefined ? {} : { scope }).catch((error: unknown) => (error instanceof RegistrationRejectedError && scope !== undefined ? register({}) : Promise.reject(error)));
  } catch (error) {
    throw new Error(`${origin} did not register this client: ${error instanceof RegistrationRejectedError ? `it answered ${error.status}` : whyOf(error)}. Have one registered there, and sign in with --client-id.`, { cause: error });
  }
}

/** Who answers is looked at before what they say. */
function codeIn(query: URLSearchParams, { metadata, issuer }: AuthorizationServer): string {
  const iss = query.get("iss") ?? undefined;
  const supported: unknown = Reflect.get(metadata, "authorization_response_iss_parameter_supported");
  try {
    validateAuthorizationResponseIssuer({ iss, expectedIssuer: metadata.issuer, issParameterSupported: supported === true });
  } catch (cause) {
    throw new Error(`The browser came back from somebody else than ${new URL(issuer).origin}: that sign-in does not count.`, { cause });
  }
  const code = query.get("code");
  if (code !== null && code !== "") return code;
  const why = query.get("error_description") ?? query.get("error") ?? "it gave no code";
  throw new Error(`${new URL(issuer).origin} did not sign you in: ${escapeText(why.slice(0, 200))}`);
}

function clientToKeep({ client_id, client_secret, ...rest }: OAuthClientInformationMixed): KeptSignIn["client"] {
  const method: unknown = Reflect.get(rest, "token_endpoint_auth_method");
  return { client_id, ...(client_secret === undefined ? {} : { client_secret }), ...(typeof method === "string" ? { token_endpoint_auth_method: method } : {}) };
}
