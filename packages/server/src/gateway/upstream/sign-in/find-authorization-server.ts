/**
 * Where a server wants people to sign in: its metadata (RFC 9728) and those of the authorization server that they name (RFC 8414, OpenID
 * discovery), by the official package. What they say is checked before anything is sent there: whom the tokens are for, and that no address is one
 * that a liar would name.
 */
import { checkResourceAllowed, discoverAuthorizationServerMetadata, discoverOAuthProtectedResourceMetadata, resourceUrlFromServerUrl, type AuthorizationServerMetadata, type OAuthProtectedResourceMetadata } from "@modelcontextprotocol/client";
import { addressOf } from "./kept-file.ts";
import { carefulFetch, mayAsk } from "./careful-fetch.ts";

export interface AuthorizationServer {
  readonly issuer: string;
  readonly metadata: AuthorizationServerMetadata;
  /** The server, in the words of its own metadata: what tokens are asked for. */
  readonly resource: string;
  /** What the server says it has rights for. */
  readonly scopes: readonly string[];
}

export interface FindOptions {
  /** As a 401 named it. */
  readonly resourceMetadataUrl?: URL | undefined;
  /** The only one that is accepted. */
  readonly issuer?: string | undefined;
}

/** Throws an Error with what is wrong, for people. */
export async function findAuthorizationServer(server: URL, options: FindOptions): Promise<AuthorizationServer> {
  try {
    return await find(server, options);
  } catch (cause) {
    // The schemas' own words are for programmers.
    if (cause instanceof Error && cause.name.endsWith("ZodError")) throw new Error(`What ${server.origin} leads to says nothing about signing in that can be read.`, { cause });
    throw cause;
  }
}

async function find(server: URL, { resourceMetadataUrl, issuer: expected }: FindOptions): Promise<AuthorizationServer> {
  const fetchFn = carefulFetch(server);
  const about = await discoverOAuthProtectedResourceMetadata(server, resourceMetadataUrl === undefined ? {} : { resourceMetadataUrl }, fetchFn).catch(notThere);
  const resource = resourceOf(server, about);
  const named = about?.authorization_servers ?? [];
  const issuer = expected ?? named[0] ?? new URL("/", server).href;
  if (expected !== undefined && about !== undefined && !named.some((one) => isSame(one, expected))) throw new Error(`${server.origin} does not take sign-ins from ${expected}; it names ${named.join(", ") || "nobody"}.`);
  if (!URL.canParse(issuer) || !mayAsk(server, new URL(issuer))) throw new Error(`${server.origin} wants people to sign in at an address that is not asked: only https is.`);
  const metadata = await discoverAuthorizationServerMetadata(issuer, { fetchFn });
  if (metadata === undefined) throw new Error(about === undefined ? `${server.origin} does not say where to sign in.` : `${new URL(issuer).origin}, where ${server.origin} wants people to sign in, does not say how.`);
  checkEndpoints(server, metadata);
  return { issuer: metadata.issuer, metadata, resource, scopes: about?.scopes_supported ?? [] };
}

/** Servers before 2025-06-18 have none. What is wrong with the way there is no such case. */
function notThere(error: unknown): undefined {
  if (error instanceof Error && /does not implement OAuth 2\.0 Protected Resource Metadata/.test(error.message)) return undefined;
  throw error;
}

function resourceOf(server: URL, about: OAuthProtectedResourceMetadata | undefined): string {
  if (about === undefined) return addressOf(server);
  if (checkResourceAllowed({ requestedResource: resourceUrlFromServerUrl(server), configuredResource: about.resource })) return about.resource;
  throw new Error(`The metadata of ${server.origin} are those of another server (${URL.canParse(about.resource) ? new URL(about.resource).origin : "unreadable"}): nobody signs in by them.`);
}

function checkEndpoints(server: URL, metadata: AuthorizationServerMetadata): void {
  const { authorization_endpoint, token_endpoint, registration_endpoint, code_challenge_methods_supported } = metadata;
  for (const endpoint of [authorization_endpoint, token_endpoint, registration_endpoint, Reflect.get(metadata, "revocation_endpoint") as unknown]) {
    if (typeof endpoint === "string" && (!URL.canParse(endpoint) || !mayAsk(server, new URL(endpoint)))) throw new Error(`${new URL(metadata.issuer).origin} names an address that is not asked: only https is.`);
  }
  if (code_challenge_methods_supported?.includes("S256") !== true) throw new Error(`${new URL(metadata.issuer).origin} does not offer PKCE with S256, without which nobody signs in from here.`);
}

function isSame(one: string, other: string): boolean {
  return one.replace(/\/$/, "") === other.replace(/\/$/, "");
}
