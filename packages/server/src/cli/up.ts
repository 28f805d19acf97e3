/**
 * `countersign up`: the control plane, in the foreground until it is told to end, or in the background. Its one-time owner link
 * is printed only to a terminal. What it serves is put together by control/run-control-plane.ts.
 */
import { PolicyDocumentError } from "@countersign/sdk";
import { OPERATOR } from "../auth/identity.ts";
import type { OidcOptions } from "../auth/oidc.ts";
import { checkpointPlace } from "../control/record/checkpoint-places.ts";
import { runControlPlane, StateDirectoryTakenError, type ControlPlaneSettings, type RunningControlPlane } from "../control/run-control-plane.ts";
import { CannotStartError } from "../control/installation/cannot-start-error.ts";
import { StoreError } from "../sql/store-error.ts";
import { findControl } from "./find-control.ts";
import { keepUntilIdle } from "./keep-until-idle.ts";
import { loadPolicy, readText } from "./load-policy.ts";
import { postgresAddress } from "./option-values.ts";
import { CheckFailure, UsageError, type ExitCode, type Ports } from "./ports.ts";
import { startInBackground } from "./start-in-background.ts";
import { version } from "./version.ts";

export interface UpOptions {
  readonly dir?: string | undefined;
  readonly host: string;
  readonly port?: number | undefined;
  readonly publicUrl?: string | undefined;
  readonly postgres?: string | undefined;
  readonly policies?: string | undefined;
  readonly checkpointsTo: readonly string[];
  readonly trustProxy: readonly string[];
  readonly background: boolean;
  /** End when standard input does, as when whoever started this is gone. */
  readonly endWithInput: boolean;
  /** Set on the process that `--background` starts: ends after so many idle hours without open requests. */
  readonly idleHours?: number | undefined;
}

/** What `up` needs of the process beside Ports. */
export interface UpPorts extends Ports {
  readonly env: NodeJS.ProcessEnv;
  /** Whether standard output is a terminal. */
  readonly isTerminal: boolean;
  /** Resolves when the process is told to end (SIGINT, SIGTERM, SIGHUP). */
  readonly stopped: Promise<void>;
  /** Resolves when standard input has ended. Read from when somebody asks. */
  readonly inputEnded: Promise<void>;
  /** The command line that starts this program again, without its arguments. */
  readonly self: readonly string[];
}

const PORT = 7433;
const PORTS_TRIED = 20;

export async function up(options: UpOptions, directory: string, ports: UpPorts): Promise<ExitCode> {
  if (options.background && options.endWithInput) throw new UsageError("--background and --end-with-input: in the background there is no standard input. Leave out one of them.");
  if (options.background) return startInBackground(options, directory, ports);
  const stop = Promise.withResolvers<void>();
  void ports.stopped.then(() => stop.resolve());
  if (options.endWithInput) void ports.inputEnded.then(() => stop.resolve());
  // Before anybody can find it running: what cannot be put in force ends it.
  if (options.policies !== undefined) await loadPolicy(options.policies, ports);
  let running: RunningControlPlane;
  try {
    running = await runControlPlane(settingsOf(options, directory, ports, () => stop.resolve()));
  } catch (error) {
    if (error instanceof CannotStartError) throw new UsageError(error.message);
    if (error instanceof StoreError) throw new CheckFailure(`${error.message}${error.code === "store_unavailable" ? `. ${whereStored(options, directory, ports)}` : ""}`);
    if (!(error instanceof StateDirectoryTakenError)) throw error;
    const found = await findControl(directory);
    throw new UsageError(found.running === undefined ? found.why : `A control plane runs on ${directory} already (process ${found.running.pid}, ${found.running.url}). Use that one, or end it: countersign down`);
  }
  try {
    if (options.policies !== undefined) await activate(options.policies, running, ports);
    await greet(running, directory, ports);
    const idle = options.idleHours === undefined ? undefined : keepUntilIdle(running, options.idleHours, () => stop.resolve());
    await stop.promise;
    idle?.end();
    ports.out("Ending in good order…");
  } finally {
    await running.close();
  }
  return 0;
}

/** Not the address itself: there may be a password in it. */
function whereStored({ postgres }: UpOptions, directory: string, { env }: UpPorts): string {
  const isPostgres = postgresAddress(postgres ?? env["COUNTERSIGN_POSTGRES_URL"]) !== undefined;
  return isPostgres ? "Check the address in --postgres (COUNTERSIGN_POSTGRES_URL), and whether the server runs there and lets this user in." : `Check whether another process holds the database in ${directory}.`;
}

function settingsOf(options: UpOptions, directory: string, { env, err }: UpPorts, onStop: () => void): ControlPlaneSettings {
  const { host, port, publicUrl, postgres = env["COUNTERSIGN_POSTGRES_URL"], checkpointsTo, trustProxy } = options;
  return {
    directory,
    host,
    // A port that was asked for is that port or none; else the next free one.
    ports: port === undefined ? Array.from({ length: PORTS_TRIED }, (_, index) => PORT + index) : [port],
    publicUrl: publicUrl === undefined ? undefined : originOf(publicUrl),
    postgresUrl: postgresAddress(postgres),
    trustedProxies: trustProxy,
    oidc: oidcOf(env),
    checkpointPlaces: checkpointsTo.map(placeOf),
    version: version(),
    env,
    onWarning: (message) => err(`countersign: ${message}`),
    onStop,
  };
}

function originOf(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol) || parsed.pathname !== "/") throw new UsageError(`--public-url ${url}: an http(s) address without a path is expected, such as https://approvals.example.com`);
  return parsed.origin;
}

function placeOf(target: string) {
  try {
    return checkpointPlace(target);
  } catch (error) {
    throw new UsageError(`--checkpoints-to ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** From the environment, since secrets do not belong on a command line. */
function oidcOf(env: NodeJS.ProcessEnv): (OidcOptions & { readonly domains: readonly string[]; readonly roles: readonly "approver"[] }) | undefined {
  const issuer = env["COUNTERSIGN_OIDC_ISSUER"];
  if (issuer === undefined || issuer === "") return undefined;
  const [clientId, clientSecret] = [env["COUNTERSIGN_OIDC_CLIENT_ID"], env["COUNTERSIGN_OIDC_CLIENT_SECRET"]];
  if (clientId === undefined || clientSecret === undefined) throw new UsageError("COUNTERSIGN_OIDC_ISSUER is set: COUNTERSIGN_OIDC_CLIENT_ID and COUNTERSIGN_OIDC_CLIENT_SECRET are needed too.");
  const domains = (env["COUNTERSIGN_OIDC_DOMAINS"] ?? "").split(",").map((domain) => domain.trim()).filter((domain) => domain !== "");
  return { issuer, clientId, clientSecret, name: env["COUNTERSIGN_OIDC_NAME"] ?? new URL(issuer).hostname, domains, roles: ["approver"] };
}

/** Puts a file in force, unless it is what is in force already. */
async function activate(file: string, { policies }: RunningControlPlane, ports: UpPorts): Promise<void> {
  const text = await readText(file, ports);
  const saved = await policies.saveAndActivate(OPERATOR, { text, comment: `countersign up --policies ${file}` });
  if (!saved.ok) throw new PolicyDocumentError(file, saved.problems?.map(({ mend, ...place }) => (mend === undefined ? place : { ...place, mend })) ?? [{ line: 1, column: 1, message: saved.detail }]);
  ports.out(`Policies: version ${saved.version.version} from ${file}${saved.changed ? "" : " (unchanged)"}`);
}

async function greet({ url, people, installationId }: RunningControlPlane, directory: string, { out, isTerminal }: UpPorts): Promise<void> {
  out(`Countersign control plane ${installationId.slice(0, 8)} at ${url}`);
  out(`State: ${directory}`);
  if (!isTerminal) return; // a link in a log is a key in a log
  const link = await people.makeOwnerLink(OPERATOR);
  if (link.ok) out(`\nSign in as the owner (works once, for 10 minutes):\n  ${link.url}\n\nCtrl-C ends it. Later: countersign open`);
}
