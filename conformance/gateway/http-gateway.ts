/** Programs that serve over HTTP and print their address: the gateway as its user starts it, and servers to put behind it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { COUNTERSIGN } from "./real-servers.ts";

export interface HttpProgram {
  /** Where clients connect. */
  readonly url: string;
  readonly pid: number;
  /** Everything it has said, on both streams. */
  readonly printed: () => string;
  /** Ends it in good order and answers how it ended. */
  close(): Promise<number | null>;
  kill(): Promise<void>;
}

const START_MS = 20_000;
const END_MS = 5_000;

/** What the gateway stands before: a URL, or the command of a process. */
export type Upstream = { readonly url: string } | { readonly command: readonly string[] };

export function startHttpGateway(upstream: Upstream, options: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<HttpProgram> {
  const target = "url" in upstream ? ["--url", upstream.url] : ["--", ...upstream.command];
  return startHttpProgram([process.execPath, COUNTERSIGN, "gateway", "--http", "127.0.0.1:0", ...options, ...target], env);
}

export async function startHttpProgram(command: readonly string[], env: NodeJS.ProcessEnv = {}, address = /https?:\/\/(?:localhost|127\.0\.0\.1):\d+[^\s"']*\/mcp\b/): Promise<HttpProgram> {
  const [program = "", ...args] = command;
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...env } });
  const ended = once(child, "close").then(() => child.exitCode);
  const listening = Promise.withResolvers<string>();
  let printed = "";
  const hear = (chunk: Buffer): void => {
    printed += chunk.toString();
    const url = address.exec(printed)?.[0];
    if (url !== undefined) listening.resolve(url);
  };
  child.stdout.on("data", hear);
  child.stderr.on("data", hear);
  const fail = (why: string): void => listening.reject(new Error(`${command.join(" ")}: ${why}\n${printed}`));
  const timer = setTimeout(() => fail("no address"), START_MS);
  void ended.then((code) => fail(`it ended with ${String(code)}`));
  const close = async (): Promise<number | null> => {
    child.kill("SIGTERM");
    const late = setTimeout(() => child.kill("SIGKILL"), END_MS);
    const code = await ended;
    clearTimeout(late);
    return code;
  };
  try {
    const url = await listening.promise;
    return {
      // The suite asks for the name: its check of foreign hosts compares with it.
      url: url.replace("127.0.0.1", "localhost"),
      pid: child.pid ?? 0,
      printed: () => printed,
      close,
      async kill() {
        child.kill("SIGKILL");
        await ended;
      },
    };
  } catch (error) {
    await close();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
