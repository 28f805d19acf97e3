/** Runs a story as a process of its own, in a session without a terminal. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createSandbox, EXAMPLES } from "./story-sandbox.ts";
import type { StoryLeavings, StorySandbox } from "./story-sandbox.ts";

export interface StoryEnd extends StoryLeavings {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

export interface RunStoryOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Default: the folder of the examples, where the policy file is. */
  readonly cwd?: string;
  /** What stands on standard input. Default: nothing. */
  readonly input?: string;
  readonly sandbox?: StorySandbox;
}

const LIMIT_MS = 20_000;

/** The output of `node <story>/main.ts`, and what it left. Rejects where it does not end by itself. */
export async function runStory(story: string, options: RunStoryOptions = {}): Promise<StoryEnd> {
  const { env = {}, cwd = EXAMPLES, input = "", sandbox = createSandbox() } = options;
  // Detached: in a session of its own it has no controlling terminal, also where a developer runs the tests in one.
  const child = spawn(process.execPath, [join(EXAMPLES, story, "main.ts")], { cwd, env: { ...sandbox.env, ...env }, detached: true });
  const ended = Promise.withResolvers<number | null>();
  let output = "";
  let errors = "";
  let late = false;
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (output += chunk));
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (errors += chunk));
  child.on("error", ended.reject);
  child.on("close", ended.resolve);
  child.stdin.on("error", () => undefined); // it may end before it has read it
  child.stdin.end(input);
  const limit = setTimeout(() => {
    late = true;
    if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
  }, LIMIT_MS);
  const code = await ended.promise.finally(() => clearTimeout(limit));
  if (late) throw new Error(`${story} did not end:\n${output}\n${errors}`);
  return { code, output, errors, ...(await sandbox.leavings()) };
}
