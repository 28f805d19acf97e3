/** What is measured side by side. Each case runs in a process of its own, so that none inherits another's patched classes or warm code. */
import { configureSession, init, shutdown, type Inspection, type PolicyDocument } from "@countersign/sdk";
import { AgentMeshClient } from "@microsoft/agent-governance-sdk";
import { Client as V2Client } from "@modelcontextprotocol/client";
import { StdioClientTransport as V2Stdio } from "@modelcontextprotocol/client/stdio";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { CallToolRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { context, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { BatchSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import { fileURLToPath } from "node:url";
import { benchPolicies } from "./policies.ts";

export interface Case {
  /** One call, awaited in turn. */
  readonly call: () => Promise<unknown>;
  readonly close: () => Promise<void>;
}

export interface CaseOptions {
  readonly line: "v1" | "v2";
  readonly transport: "memory" | "stdio";
  readonly governance: "none" | "countersign" | "peer";
  readonly policies: number;
  readonly tracing: boolean;
  readonly scan: boolean;
  /** Bytes of JSON that the arguments take, about. */
  readonly bytes: number;
}

export async function openCase(options: CaseOptions): Promise<Case> {
  if (options.tracing) startTracing();
  const governed = options.governance === "countersign";
  if (governed) {
    const inspections = options.scan ? [scanner] : [];
    const document: PolicyDocument = { version: 1, default: "allow", policies: benchPolicies(options.policies) };
    init({ policies: document, inspections });
  }
  const client = await connect(options);
  if (governed) configureSession(client, { serverName: "bench", governanceConfig: { agentName: "bench-agent", userId: "bench" } });
  const callTool = client.callTool.bind(client);
  const args = { path: "/srv/data/reports/2026/q3.txt", content: "x".repeat(Math.max(1, options.bytes - 60)), count: 42 };
  const params = { name: "echo", arguments: args };
  const peer = options.governance === "peer" ? openPeer(options.policies) : undefined;
  return {
    call: peer === undefined ? () => callTool(params) : async () => {
      const { decision } = await peer.executeWithGovernance("bench.echo", { ...args });
      if (decision !== "allow") throw new Error(`the peer decided ${decision}`);
      return callTool(params);
    },
    close: async () => {
      await client.close();
      if (governed) await shutdown();
    },
  };
}

type AnyClient = Client | V2Client;

async function connect({ line, transport }: CaseOptions): Promise<AnyClient> {
  const info = { name: "bench", version: "1.0.0" };
  const client = line === "v1" ? new Client(info) : new V2Client(info);
  if (transport === "stdio") {
    const command = { command: process.execPath, args: [fileURLToPath(new URL("./echo-server.ts", import.meta.url))] };
    const stdio = line === "v1" ? new StdioClientTransport(command) : new V2Stdio(command);
    // Both lines' transports speak one interface; the union of their types does not say so.
    await (client.connect as (transport: unknown) => Promise<void>)(stdio);
    return client;
  }
  const [clientSide, serverSide] = InMemoryTransport.createLinkedPair();
  const server = new Server({ name: "echo", version: "1.0.0" }, { capabilities: { tools: {} } });
  server.setRequestHandler(CallToolRequestSchema, () => ({ content: [{ type: "text", text: "ok" }] }));
  await Promise.all([server.connect(serverSide), (client.connect as (transport: unknown) => Promise<void>)(clientSide)]);
  return client;
}

/** The peer a user would take instead, with as many rules; one allow rule at the end lets the call run. */
function openPeer(policies: number): AgentMeshClient {
  const rules = Array.from({ length: policies }, (_, index) => ({ action: `s${index % 50}.tool_${index}`, effect: "deny" as const }));
  return AgentMeshClient.create("bench-agent", { policyRules: [...rules, { action: "bench.*", effect: "allow" as const }] });
}

function startTracing(): void {
  const discard = { export: (_spans: unknown, done: (result: { code: number }) => void) => done({ code: 0 }), shutdown: async () => undefined, forceFlush: async () => undefined };
  trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [new BatchSpanProcessor({ exporter: discard, maxQueueSize: 65_536, scheduledDelayMillis: 100 })] }));
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
}

/** Eleven expressions over every string, in turn: what a simple scanner of arguments and results costs. */
const EXPRESSIONS = [
  /\b[\w.+-]{1,64}@[\w-]+\.[\w.]+/,
  /\b\d{3}-\d{2}-\d{4}\b/,
  /\b(?:\d[ -]?){13,16}\b/,
  /\b[A-Z]{2}\d{2}[A-Z0-9]{11,30}\b/,
  /\b\d{1,3}(?:\.\d{1,3}){3}\b/,
  /\bAKIA[0-9A-Z]{16}\b/,
  /\bgh[pousr]_[A-Za-z0-9]{36}\b/,
  /\bxox[abprs]-[A-Za-z0-9-]{10,}\b/,
  /\beyJ[\w-]+\.[\w-]+\.[\w-]+\b/,
  /-----BEGIN [A-Z ]*PRIVATE KEY-----/,
  /\b\+?\d{1,3}[ -]\d{3}[ -]\d{4}\b/,
];

const scanner: Inspection = {
  name: "bench-scan",
  inspectCall: (call) => scan(call.arguments, "input"),
  inspectResult: (_call, result) => scan(result, "output"),
};

function scan(value: unknown, direction: "input" | "output", where = ""): { type: string; group: string; direction: "input" | "output"; where: string }[] {
  if (typeof value === "string") return EXPRESSIONS.flatMap((expression, index) => (expression.test(value) ? [{ type: `t${index}`, group: "pii", direction, where }] : []));
  if (value === null || typeof value !== "object") return [];
  return Object.entries(value).flatMap(([key, member]) => scan(member, direction, `${where}/${key}`));
}
