/** How a gateway shows who it is at a server at an address: by what somebody signed in with, or as a machine. Called by url-upstream.ts. */
import { clientCredentials } from "../gateway/upstream/sign-in/client-credentials.ts";
import { isOnThisMachine } from "../gateway/upstream/sign-in/careful-fetch.ts";
import { keptAuthorization } from "../gateway/upstream/sign-in/kept-authorization.ts";
import { directoryOf } from "../gateway/upstream/sign-in/kept-file.ts";
import type { Authorization } from "../gateway/upstream/remote/remote-server.ts";
import { UsageError } from "./ports.ts";

export interface SignInWords {
  readonly oauthClientId?: string | undefined;
  readonly oauthClientSecretEnv?: string | undefined;
  readonly oauthIssuer?: string | undefined;
  readonly oauthScope?: string | undefined;
}

export interface SignInAround {
  readonly stateDirectory: string;
  /** Where that was named: it belongs to the command that signs in. */
  readonly named: string | undefined;
  readonly env: NodeJS.ProcessEnv;
  readonly warn: (message: string) => void;
}

/** Throws UsageError. */
export function authorizationFor(server: URL, words: SignInWords, { stateDirectory, named, env, warn }: SignInAround): Authorization {
  const { oauthClientId: clientId, oauthClientSecretEnv: variable, oauthIssuer: issuer, oauthScope: scope } = words;
  if (clientId === undefined && variable === undefined && issuer === undefined && scope === undefined) {
    const command = `countersign gateway login${named === undefined ? "" : ` --dir ${named}`}`;
    return keptAuthorization(server, { stateDirectory, lock: () => lockUpstreams(stateDirectory), onWarning: warn, command });
  }
  if (clientId === undefined || variable === undefined || issuer === undefined) throw new UsageError("--oauth-client-id, --oauth-client-secret-env and --oauth-issuer belong together: the secret is shown to that authorization server alone.");
  if (!isAddressToTrust(issuer)) throw new UsageError("--oauth-issuer: an address such as https://login.example.com is expected.");
  if (server.protocol !== "https:" && !isOnThisMachine(server)) throw new UsageError("--oauth-client-id: the server's address has to be https, since its tokens travel there.");
  return clientCredentials(server, { clientId, clientSecret: secretIn(env, variable, "--oauth-client-secret-env"), issuer, scope }, warn);
}

/** One process at a time renews sign-ins of this state directory. */
export async function lockUpstreams(stateDirectory: string): Promise<{ release(): void } | undefined> {
  const { lockStateDirectory } = await import("../control/installation/state-lock.ts");
  return lockStateDirectory(directoryOf(stateDirectory), 0);
}

export function isAddressToTrust(given: string): boolean {
  if (!URL.canParse(given)) return false;
  const url = new URL(given);
  return url.protocol === "https:" || (url.protocol === "http:" && isOnThisMachine(url));
}

export function secretIn(env: NodeJS.ProcessEnv, variable: string, option: string): string {
  const secret = env[variable];
  if (secret === undefined || secret === "") throw new UsageError(`${option}: the environment variable is not set.`);
  return secret;
}
