/** A program that speaks some MCP, starts a child of its own, and ends neither with its input nor when it is asked to: its pids go to a file. */
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { createInterface } from "node:readline";

const [pidFile = ""] = process.argv.slice(2);
process.on("SIGTERM", () => undefined);
const child = spawn("/bin/sh", ["-c", "trap '' TERM; while :; do sleep 1; done"], { stdio: "ignore" });
writeFileSync(pidFile, JSON.stringify([process.pid, child.pid]));
setInterval(() => undefined, 1_000);
createInterface({ input: process.stdin }).on("line", (line) => {
  const { id, method } = JSON.parse(line) as { id?: number; method?: string }; // JSON-RPC
  const results: Record<string, object> = { initialize: { protocolVersion: "2025-11-25", capabilities: { tools: {} }, serverInfo: { name: "stubborn", version: "1" } }, "tools/list": { tools: [{ name: "wait", inputSchema: { type: "object" } }] } };
  const result = results[method ?? ""];
  // A call is never answered.
  if (id !== undefined && result !== undefined) process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", id, result })}\n`);
});
