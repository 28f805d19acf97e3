/** Programs that the bench starts, and what they cost: CPU and memory as /proc tells them, NaN where there is none. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";

export interface Program {
  readonly pid: number;
  stop(): Promise<void>;
}

export interface StartedServer extends Program {
  readonly url: string;
}

const NODE = process.execPath;

/** `line`: a script and its arguments. What it writes is thrown away, since a reader that is busy would hold it up. */
export function startProgram(line: readonly string[], env: NodeJS.ProcessEnv = {}): Program {
  const child = spawn(NODE, line, { stdio: ["ignore", "ignore", process.env["BENCH_SHOW"] === undefined ? "ignore" : "inherit"], env: { ...process.env, ...env } });
  const ended = once(child, "exit");
  return {
    pid: child.pid ?? 0,
    async stop() {
      child.kill("SIGTERM");
      const late = setTimeout(() => child.kill("SIGKILL"), 3_000);
      if (child.exitCode === null && child.signalCode === null) await ended;
      clearTimeout(late);
    },
  };
}

/** A script that takes its port as its last argument; resolves when it takes connections. */
export async function startServer(line: readonly string[], path = "/mcp"): Promise<StartedServer> {
  const port = await freePort();
  const program = startProgram([...line, String(port)]);
  const url = `http://127.0.0.1:${port}${path}`;
  await untilServes(url, program);
  return { ...program, url };
}

export async function untilServes(url: string, program: Program): Promise<void> {
  for (const limit = performance.now() + 30_000; performance.now() < limit; ) {
    const answered = await fetch(url, { method: "DELETE" }).then((answer) => answer.arrayBuffer(), () => undefined);
    if (answered !== undefined) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await program.stop();
  throw new Error(`nothing serves ${url}`);
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo; // it listens on an address
  server.close();
  await once(server, "close");
  return port;
}

/** User and system time, in ticks of 10 ms. */
export function cpuMicroseconds(pid: number): number {
  const fields = statusOf(pid, "stat").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

export function residentMib(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(statusOf(pid, "status"))?.[1]) / 1_024;
}

function statusOf(pid: number, what: "stat" | "status"): string {
  try {
    return readFileSync(`/proc/${pid}/${what}`, "utf8");
  } catch {
    return "";
  }
}
