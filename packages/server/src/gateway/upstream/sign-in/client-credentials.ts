/**
 * A machine's sign-in: an id and a secret, shown to one authorization server alone, which is named by whoever runs the gateway and not by
 * the server. Tokens live in memory.
 */
import type { Authorization } from "../remote/remote-server.ts";
import { carefulFetch } from "./careful-fetch.ts";
import type { KeptSignIn } from "./kept-file.ts";

export interface ClientCredentials {
  readonly clientId: string;
  readonly clientSecret: string;
  /** The authorization server: its issuer's address. */
  readonly issuer: string;
  readonly scope: string | undefined;
}

const EARLY_MS = 30_000;
/** After it was not given any. */
const PAUSE_MS = 5_000;

export function clientCredentials(server: URL, credentials: ClientCredentials, onWarning: (message: string) => void): Authorization {
  let tokens: KeptSignIn["tokens"] | undefined;
  let asking: Promise<void> | undefined;
  let failedAt = -Infinity;

  async function ask(): Promise<void> {
    if (performance.now() - failedAt < PAUSE_MS) return;
    const [{ ClientCredentialsProvider, fetchToken }, { findAuthorizationServer }, { tokensOf, whyOf }] = await Promise.all([import("@modelcontextprotocol/client"), import("./find-authorization-server.ts"), import("./renew-sign-in.ts")]);
    try {
      const { clientId, clientSecret, scope } = credentials;
      const { issuer, metadata, resource } = await findAuthorizationServer(server, { issuer: credentials.issuer });
      const provider = new ClientCredentialsProvider({ clientId, clientSecret, expectedIssuer: issuer, ...(scope === undefined ? {} : { scope }) });
      tokens = tokensOf(await fetchToken(provider, issuer, { metadata, resource, ...(scope === undefined ? {} : { scope }), fetchFn: carefulFetch(server) }), scope);
    } catch (error) {
      tokens = undefined;
      failedAt = performance.now();
      onWarning(`no access to ${server.origin}: ${whyOf(error)}`);
    }
  }

  const askOnce = (): Promise<void> => (asking ??= ask().finally(() => (asking = undefined)));
  const value = (): string | undefined => (tokens === undefined ? undefined : `Bearer ${tokens.accessToken}`);
  return {
    async current() {
      if (tokens === undefined || (tokens.expiresAt ?? Infinity) - EARLY_MS < Date.now()) await askOnce();
      return value();
    },
    async renew(refused) {
      if (value() === refused) await askOnce();
      return value() !== undefined && value() !== refused;
    },
    advice: (scope) => `The client id and secret of the gateway do not open it${scope === undefined ? "" : `; it asks for the scope "${scope}" (--oauth-scope)`}. Whoever runs the gateway has to mend that.`,
  };
}
