/**
 * Finds the control plane that owns a state directory. A `control.json` that a crash left behind counts for nothing: who listens at that
 * address meanwhile could be anybody, and is not shown the secret. Where none is found it says what is there instead.
 */
import { accessSync, constants, statSync } from "node:fs";
import { join } from "node:path";
import { parseJson } from "@countersign/sdk/call";
import { problem } from "@countersign/sdk/wire";
import { readControlFile, readOperatorSecret, type ControlFile } from "../control/installation/control-file.ts";
import { isLocked } from "../control/installation/state-lock.ts";

export type Found = { readonly running: ControlFile; readonly secret: string } | { readonly running: undefined; readonly why: string };

const LOOK_MS = 2_000;
const LOOK = "What it printed says more; with --background that is log/control-plane.log of the state directory.";
const UNAUTHENTICATED = 401;

/** `why`: what is wrong, with what, and what to do. */
export async function findControl(directory: string): Promise<Found> {
  // Read in this order: the secret that is good now is younger than the file.
  const secret = readOperatorSecret(directory);
  const file = readControlFile(directory);
  const unusable = whyUnusable(directory);
  if (unusable !== undefined) return none(`${directory}: ${unusable}`);
  if (!isLocked(directory)) return none(`No control plane runs on ${directory}. Start one: countersign up`);
  if (file === undefined) return none(`A control plane holds ${directory} and has not said yet where it listens (control.json is not there): it is just starting or ending. Run this again in a moment. Where it stays so, end the process that has ${join(directory, "lock")} open, and start it again: countersign up`);
  const itself = `The control plane of ${directory} (process ${file.pid}, ${file.url})`;
  const restart = `End it (kill ${file.pid}) and start it again: countersign up`;
  if (secret === undefined) return none(`${itself} runs, and its operator's secret cannot be read: ${join(directory, "operator.secret")} is not there, or not for this user. Run this as the user who started it. Where the file is gone, the control plane has to make a new one: ${restart}`);
  try {
    const answer = await fetch(new URL("/v1/installation", file.url), { headers: { authorization: `Bearer ${secret}` }, redirect: "error", signal: AbortSignal.timeout(LOOK_MS) });
    if (answer.status === UNAUTHENTICATED) return none(`${itself} does not take the secret in ${join(directory, "operator.secret")}: the file is not the one that was written when it started. ${restart}`);
    const body = parseJson(await answer.text());
    if (problem.safeParse(body).data?.code === "store_unavailable") return none(`${itself} runs, and its database does not answer it. Nothing is decided meanwhile, and nothing is lost. See that the database runs and can be reached; the control plane then goes on by itself. ${LOOK}`);
    if (!answer.ok) return none(`${itself} answered ${answer.status}. ${LOOK}`);
    const id: unknown = body !== null && typeof body === "object" ? Reflect.get(body, "id") : undefined;
    return id === file.instance ? { running: file, secret } : none(`At ${file.url}, where ${join(directory, "control.json")} says that the control plane listens, something else answers. ${restart}`);
  } catch (cause) {
    return none(`${itself} runs, and does not answer within ${LOOK_MS / 1000} s: ${whyOf(cause)}. It is busy, was stopped, or hangs. ${LOOK} Where it hangs, end it (kill -9 ${file.pid}: nothing that was answered is lost) and start it again: countersign up`);
  }
}

/** The one that answers, where one does. */
export async function findRunning(directory: string): Promise<ControlFile | undefined> {
  return (await findControl(directory)).running;
}

/** Of `fetch failed` the reason lies below. */
export function whyOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  const below: unknown = cause.cause;
  return below instanceof Error && below.message !== "" ? below.message : cause.message;
}

function none(why: string): Found {
  return { running: undefined, why };
}

/** Undefined where it can be read, or is not there. */
function whyUnusable(directory: string): string | undefined {
  const found = statSync(directory, { throwIfNoEntry: false });
  if (found === undefined) return undefined;
  if (!found.isDirectory()) return "this is no directory. Name the state directory with --dir, or in COUNTERSIGN_DIR.";
  try {
    accessSync(directory, constants.R_OK | constants.X_OK);
    return undefined;
  } catch {
    return "it belongs to another user of this machine, and cannot be read by this one. Run this as that user; or sign in as a person, and name the control plane with --url.";
  }
}
