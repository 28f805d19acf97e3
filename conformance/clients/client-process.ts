/** A client of client/ as a process of its own, and what the answers that it gives its program mean. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const RUN_CLIENT = fileURLToPath(new URL("run-client.mjs", import.meta.url));
const START_MS = 60_000;

export interface Target {
  readonly url?: string;
  readonly command?: readonly string[];
}

/** Pending: the model is told to call again. Gave up: the client's own limit. Unclear: none of what the gateway says, or the tool. */
export type Kind = "ran" | "pending" | "denied" | "expired" | "nobody asked" | "gave up" | "unclear";

export interface Answer {
  readonly kind: Kind;
  readonly afterMs: number;
  /** As the library gave it to its program. */
  readonly said: string;
}

export interface ClientProcess {
  call(tool: string, note: string): Promise<Answer>;
  readonly errors: () => string;
  close(): Promise<void>;
}

export async function startClient(name: string, target: Target): Promise<ClientProcess> {
  const child = spawn(process.execPath, [RUN_CLIENT, name, JSON.stringify(target)], { stdio: ["pipe", "pipe", "pipe"] });
  const ended = once(child, "close").then(() => undefined);
  const waiting = new Map<number, (said: string) => void>();
  const ready = Promise.withResolvers<void>();
  let errors = "";
  let last = 0;
  child.stdin.on("error", () => undefined);
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  createInterface({ input: child.stdout }).on("line", (line) => {
    const { ready: isReady, id = 0, value, threw } = JSON.parse(line) as { ready?: boolean; id?: number; value?: unknown; threw?: string }; // run-client.mjs
    if (isReady === true) ready.resolve();
    waiting.get(id)?.(threw ?? (typeof value === "string" ? value : JSON.stringify(value)));
    waiting.delete(id);
  });
  const gone = (): string => `${name} has ended:\n${errors}`;
  void ended.then(() => {
    ready.reject(new Error(gone()));
    for (const answer of waiting.values()) answer(gone());
  });
  const timer = setTimeout(() => ready.reject(new Error(`${name} did not connect:\n${errors}`)), START_MS);
  const close = async (): Promise<void> => {
    child.stdin.end();
    const late = setTimeout(() => child.kill("SIGKILL"), 5_000);
    await ended;
    clearTimeout(late);
  };
  try {
    await ready.promise;
  } catch (error) {
    child.kill("SIGKILL");
    await ended;
    throw error;
  } finally {
    clearTimeout(timer);
  }
  return {
    async call(tool, note) {
      const id = (last += 1);
      const started = performance.now();
      const answer = Promise.withResolvers<string>();
      waiting.set(id, answer.resolve);
      child.stdin.write(`${JSON.stringify({ id, tool, given: { note } })}\n`);
      const said = await answer.promise;
      return { kind: kindOf(said, note), afterMs: performance.now() - started, said };
    },
    errors: () => errors,
    close,
  };
}

function kindOf(said: string, note: string): Kind {
  if (said.includes(`wrote ${note}`) || said.replaceAll(/[\s\\]/g, "").includes(`"wrote":"${note}"`)) return "ran";
  if (/has not run\..*call \w+ again with the same arguments/s.test(said)) return "pending";
  if (said.includes("A person denied it; it did not run.")) return "denied";
  if (said.includes("Nobody approved it in time; it did not run.")) return "expired";
  if (said.includes("nobody was asked")) return "nobody asked";
  if (/tim(?:ed|e)[ -]?out/i.test(said)) return "gave up";
  return "unclear";
}
