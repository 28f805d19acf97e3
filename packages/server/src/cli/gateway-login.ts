/** `countersign gateway login | logout`: somebody signs in, for this machine's gateways, at a server that asks for it; and ends that. */
import { spawn } from "node:child_process";
import { lockUpstreams, isAddressToTrust, secretIn } from "./upstream-sign-in.ts";
import { addressOf, readSignIn, removeSignIn, writeSignIn } from "../gateway/upstream/sign-in/kept-file.ts";
import { CheckFailure, UsageError, type ExitCode } from "./ports.ts";
import { signInServer } from "./sign-in-server.ts";
import type { UpPorts } from "./up.ts";
import { headersOf } from "./url-upstream.ts";

export interface LogoutOptions {
  /** Where the server's name is looked up. */
  readonly config?: string | undefined;
}

export interface LoginOptions extends LogoutOptions {
  readonly clientId?: string | undefined;
  readonly clientSecretEnv?: string | undefined;
  readonly issuer?: string | undefined;
  readonly scope?: string | undefined;
  readonly port: number;
  readonly browser: boolean;
  readonly header: readonly string[];
  readonly headerEnv: readonly string[];
}

const LOGIN_MS = 10 * 60_000;

export async function gatewayLogin(given: string, options: LoginOptions, stateDirectory: string, ports: UpPorts): Promise<ExitCode> {
  const { out, env } = ports;
  const { url: server, headers } = await signInServer(given, { config: options.config, stateDirectory }, ports);
  if (!isAddressToTrust(server.href)) throw new UsageError("The address has to be https: what somebody signs in with travels there.");
  if (options.issuer !== undefined && !isAddressToTrust(options.issuer)) throw new UsageError("--issuer: an address such as https://login.example.com is expected.");
  const { clientId: id, clientSecretEnv, issuer, scope, port } = options;
  if (clientSecretEnv !== undefined && (id === undefined || issuer === undefined)) throw new UsageError("--client-secret-env needs --client-id and --issuer: the secret is shown to that authorization server alone.");
  const client = id === undefined ? undefined : { id, secret: clientSecretEnv === undefined ? undefined : secretIn(env, clientSecretEnv, "--client-secret-env") };
  const before = readable(() => readSignIn(stateDirectory, server));
  const rights = [scope, before?.tokens.scope].filter((one) => one !== undefined).join(" ");
  const { signIn } = await import("../gateway/upstream/sign-in/sign-in.ts");
  const signal = AbortSignal.any([AbortSignal.timeout(LOGIN_MS), stopping(ports.stopped)]);
  const show = (address: string): void => {
    out(`Sign in with your browser:\n${address}`);
    if (options.browser && ports.isTerminal) openBrowser(address);
  };
  try {
    const signedIn = await signIn(server, { client, issuer, scope: rights === "" ? undefined : rights, port, headers: { ...headers, ...headersOf(options, env) }, show, signal });
    const lock = await lockUpstreams(stateDirectory).catch(() => undefined); // none where the directory is still to be made
    writeSignIn(stateDirectory, server, signedIn);
    lock?.release();
    out(`Signed in at ${addressOf(server)}, by ${signedIn.issuer}. Gateways of this machine use it from now on; a client that was refused has to connect anew.`);
    return 0;
  } catch (error) {
    throw new CheckFailure(`Nobody was signed in: ${error instanceof Error ? error.message : String(error)}`);
  }
}

export async function gatewayLogout(given: string, { config }: LogoutOptions, stateDirectory: string, ports: UpPorts): Promise<ExitCode> {
  const { out } = ports;
  const { url: server } = await signInServer(given, { config, stateDirectory }, ports);
  const kept = readable(() => readSignIn(stateDirectory, server));
  removeSignIn(stateDirectory, server);
  if (kept === undefined) {
    out(`Nobody was signed in at ${addressOf(server)}.`);
    return 0;
  }
  const { revokeSignIn } = await import("../gateway/upstream/sign-in/revoke-sign-in.ts");
  const told = await revokeSignIn(server, kept);
  out(`Signed out of ${addressOf(server)}. ${told ? "Its authorization server has taken the sign-in back." : "Its authorization server could not be told: there, the sign-in is good until it ends by itself."}`);
  return 0;
}

/** A file that cannot be used is replaced. */
function readable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function stopping(stopped: Promise<void>): AbortSignal {
  const controller = new AbortController();
  void stopped.then(() => controller.abort());
  return controller.signal;
}

const OPENERS: Readonly<Partial<Record<NodeJS.Platform, string>>> = { darwin: "open", linux: "xdg-open" };

/** The address is printed anyway. It is https, or of this machine, and no shell sees it. */
function openBrowser(address: string): void {
  const opener = OPENERS[process.platform];
  if (opener === undefined) return;
  const child = spawn(opener, [address], { stdio: "ignore", detached: true });
  child.on("error", () => undefined);
  child.unref();
}
