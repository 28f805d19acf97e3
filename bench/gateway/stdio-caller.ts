/** A client over standard streams that costs little beside what it measures: lines and ids, no SDK. Every answer is looked at. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

export interface StdioCaller {
  readonly pid: number;
  /** Rejects where its answer is not what the tool was told. */
  call(text: string): Promise<void>;
  close(): Promise<void>;
}

export async function openStdioCaller([command = "", ...args]: readonly string[]): Promise<StdioCaller> {
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "ignore"] });
  const ended = once(child, "exit");
  const waiting = new Map<number, (line: string) => void>();
  createInterface({ input: child.stdout }).on("line", (line) => {
    const { id } = JSON.parse(line) as { readonly id?: number }; // JSON-RPC
    waiting.get(id ?? -1)?.(line);
    waiting.delete(id ?? -1);
  });
  let count = 0;
  const ask = (method: string, params: object): Promise<string> =>
    new Promise((resolve) => {
      const id = (count += 1);
      waiting.set(id, resolve);
      child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", id, method, params })}\n`);
    });
  await ask("initialize", { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "bench", version: "1" } });
  child.stdin.write('{"jsonrpc":"2.0","method":"notifications/initialized"}\n');
  await ask("tools/list", {});
  return {
    pid: child.pid ?? 0,
    async call(text) {
      const said = await ask("tools/call", { name: "read_file", arguments: { path: text } });
      if (!said.includes(text)) throw new Error(`tools/call: ${said.slice(0, 500)}`);
    },
    async close() {
      child.stdin.end();
      await ended;
    },
  };
}
