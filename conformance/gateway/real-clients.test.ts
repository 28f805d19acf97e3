/** Official clients of both lines, at their defaults, see through the gateway what they see without it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client as ClientV2 } from "@modelcontextprotocol/client";
import { StdioClientTransport as TransportV2 } from "@modelcontextprotocol/client/stdio";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport as TransportV1 } from "@modelcontextprotocol/sdk/client/stdio.js";
import { CreateMessageRequestSchema, ElicitRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ALLOW_ALL, gatewayBefore, SERVERS } from "./real-servers.ts";

let home: string;
let policies: string;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), "countersign-clients-"));
  policies = join(home, "policy.yaml");
  writeFileSync(policies, `${ALLOW_ALL.replace("policies: []", "policies:")}  - name: no-echo\n    match: mcp:everything:get-env\n    action: block\n    reason: Not the environment\n`);
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

interface ToolClient {
  listTools(): Promise<{ readonly tools: readonly object[] }>;
  callTool(params: { name: string; arguments: Record<string, unknown> }): Promise<object>;
  /** With progress, as the client asks for it. */
  progress(params: { name: string; arguments: Record<string, unknown> }): Promise<readonly object[]>;
  close(): Promise<void>;
}
const CAPABILITIES = { sampling: {}, elicitation: { form: {} }, roots: {} } as const;
const INFO = { name: "clients", version: "1" };
const SAID = { role: "assistant", model: "none", content: { type: "text", text: "said" } } as const;

const KINDS = {
  async v1(line: readonly string[]): Promise<ToolClient> {
    const client = new ClientV1(INFO, { capabilities: CAPABILITIES });
    client.setRequestHandler(CreateMessageRequestSchema, () => SAID);
    client.setRequestHandler(ElicitRequestSchema, () => ({ action: "decline" }));
    await client.connect(new TransportV1({ command: line[0] ?? "", args: line.slice(1), stderr: "ignore" }));
    return {
      listTools: () => client.listTools(),
      callTool: (params) => client.callTool(params),
      async progress(params) {
        const seen: object[] = [];
        await client.callTool(params, undefined, { onprogress: (step) => void seen.push(step) });
        return seen;
      },
      close: () => client.close(),
    };
  },
  async v2(line: readonly string[]): Promise<ToolClient> {
    const client = new ClientV2(INFO, { capabilities: CAPABILITIES, versionNegotiation: { mode: "auto" } });
    client.setRequestHandler("sampling/createMessage", () => SAID);
    client.setRequestHandler("elicitation/create", () => ({ action: "decline" as const }));
    await client.connect(new TransportV2({ command: line[0] ?? "", args: line.slice(1), stderr: "ignore" }));
    return {
      listTools: () => client.listTools(),
      callTool: (params) => client.callTool(params),
      async progress(params) {
        const seen: object[] = [];
        await client.callTool(params, { onprogress: (step) => void seen.push(step) });
        return seen;
      },
      close: () => client.close(),
    };
  },
};

const CALLS = [
  { name: "echo", arguments: { message: "hello" } },
  { name: "echo", arguments: {} },
  { name: "get-sum", arguments: { a: 1, b: 2 } },
  { name: "get-structured-content", arguments: { location: "Chicago" } },
  { name: "get-tiny-image", arguments: {} },
  { name: "trigger-sampling-request", arguments: { prompt: "say", maxTokens: 5 } },
  { name: "trigger-elicitation-request", arguments: {} },
];

async function observe(connect: (line: readonly string[]) => Promise<ToolClient>, line: readonly string[]): Promise<readonly unknown[]> {
  const client = await connect(line);
  try {
    const seen: unknown[] = [await client.listTools()];
    for (const params of CALLS) seen.push(await client.callTool(params).catch((error: unknown) => String(error)));
    const steps = await client.progress({ name: "trigger-long-running-operation", arguments: { duration: 0.3, steps: 3 } });
    // The last step comes with the result, and whether the client still takes it is a race within the client.
    seen.push(steps.slice(0, 2));
    return seen;
  } finally {
    await client.close();
  }
}

describe.each(["v1", "v2"] as const)("the official client, %s", (kind) => {
  it("gets the same tools, results, errors, sampling, elicitation and progress from server-everything", async () => {
    const direct = await observe(KINDS[kind], SERVERS.everything());
    const governed = await observe(KINDS[kind], gatewayBefore(SERVERS.everything(), ["--name", "everything", "--policies", policies, "--no-control-plane", "--dir", join(home, "state")]));
    expect(governed).toEqual(direct);
    expect(direct.at(-1)).toHaveLength(2);
    expect(JSON.stringify(direct)).toContain("said");
  });

  it("hands a refusal to its caller as the result of the tool", async () => {
    const client = await KINDS[kind](gatewayBefore(SERVERS.everything(), ["--name", "everything", "--policies", policies, "--no-control-plane", "--dir", join(home, "state")]));
    try {
      await client.listTools();
      expect(await client.callTool({ name: "get-env", arguments: {} })).toEqual({ isError: true, content: [{ type: "text", text: expect.stringContaining("Not the environment. It did not run") }] });
    } finally {
      await client.close();
    }
  });
});
