/**
 * A control plane as an operator runs it: the built program as a process of its own, spoken to over HTTP alone. What it keeps is
 * looked at through stored-state.ts. Used by every suite of this folder.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const PROGRAM = fileURLToPath(new URL("../../packages/server/dist/cli/main.js", import.meta.url));
const START_MS = 20_000;

export type Headers = Readonly<Record<string, string>>;

export interface Sent {
  readonly method: string;
  readonly path: string;
  readonly headers?: Headers;
  readonly body?: object | undefined;
  /** Hang up once the head of the answer is there: streams have no end. */
  readonly headOnly?: boolean;
}

export interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

export interface RunningControlPlane {
  readonly url: string;
  readonly port: number;
  readonly directory: string;
  /** `authorization` of the local operator. */
  readonly operator: Headers;
  /** Everything it has printed so far, on both streams. */
  readonly printed: () => string;
  /** Each request comes from an address of its own, so that no limit by address is met. */
  send(sent: Sent): Promise<Answered>;
  /** Ends it in good order; the directory stays until `remove`. */
  stop(): Promise<void>;
  remove(): Promise<void>;
}

export interface StartOptions {
  readonly policy: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly port?: number;
  readonly directory?: string;
}

export async function startControlPlane({ policy, env = {}, port = 0, directory = mkdtempSync(join(tmpdir(), "countersign-conformance-")) }: StartOptions): Promise<RunningControlPlane> {
  const file = join(directory, "policy.yaml");
  writeFileSync(file, policy);
  const args = [PROGRAM, "up", "--dir", directory, "--policies", file, "--port", String(port), "--trust-proxy", "127.0.0.1"];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...env } });
  let printed = "";
  child.stdout.on("data", (chunk) => (printed += String(chunk)));
  child.stderr.on("data", (chunk) => (printed += String(chunk)));
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const end = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill("SIGTERM");
    await ended;
  };
  const until = performance.now() + START_MS;
  while (!(printed.includes("State: ") && existsSync(join(directory, "control.json")))) {
    if (child.exitCode === null && performance.now() < until) {
      await sleep(20);
      continue;
    }
    await end();
    throw new Error(`the control plane did not start:\n${printed}`);
  }
  const { url } = JSON.parse(readFileSync(join(directory, "control.json"), "utf8")) as { url: string }; // written by the program
  const own = Number(new URL(url).port);
  return {
    url,
    port: own,
    directory,
    operator: { authorization: `Bearer ${readFileSync(join(directory, "operator.secret"), "utf8").trim()}` },
    printed: () => printed,
    send: (sent) => send(own, sent),
    stop: end,
    remove: async () => {
      await end();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

let addresses = 0;

function nextAddress(): string {
  addresses += 1;
  return `10.${(addresses >> 16) & 255}.${(addresses >> 8) & 255}.${addresses & 255}`;
}

function send(port: number, { method, path, headers = {}, body, headOnly = false }: Sent): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const bytes = body === undefined ? undefined : JSON.stringify(body);
    const own: Record<string, string> = { host: `localhost:${port}`, "x-forwarded-for": nextAddress() };
    if (bytes !== undefined) Object.assign(own, { "content-type": "application/json", "content-length": String(Buffer.byteLength(bytes)) });
    const sent = request({ port, host: "127.0.0.1", method, path, headers: { ...own, ...headers }, agent: false, setHost: false }, (response) => {
      const answered = (text: string): void => resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
      if (headOnly) {
        answered("");
        response.destroy();
        return;
      }
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => answered(Buffer.concat(chunks).toString()));
      response.on("error", reject);
    });
    sent.on("error", reject);
    sent.end(bytes);
  });
}
