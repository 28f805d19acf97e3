/** Official clients of both lines, at their defaults, see through the gateway what they see without it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { StdioClientTransport as TransportV2 } from "@modelcontextprotocol/client/stdio";
import { StdioClientTransport as TransportV1 } from "@modelcontextprotocol/sdk/client/stdio.js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { officialV1, officialV2, seenOfEverything } from "../../packages/server/src/gateway/fixture/official-client.ts";
import { ALLOW_ALL, gatewayBefore, SERVERS } from "./real-servers.ts";

let home: string;
let policies: string;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), "countersign-clients-"));
  policies = join(home, "policy.yaml");
  writeFileSync(policies, `${ALLOW_ALL.replace("policies: []", "policies:")}  - name: no-echo\n    match: mcp:everything:get-env\n    action: block\n    reason: Not the environment\n`);
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

const KINDS = {
  v1: ([command = "", ...args]: readonly string[]) => officialV1(new TransportV1({ command, args, stderr: "ignore" })),
  v2: ([command = "", ...args]: readonly string[]) => officialV2(new TransportV2({ command, args, stderr: "ignore" })),
} as const;

describe.each(["v1", "v2"] as const)("the official client, %s", (kind) => {
  it("gets the same tools, results, errors, sampling, elicitation, roots and progress from server-everything", async () => {
    const direct = await seenOfEverything(await KINDS[kind](SERVERS.everything()));
    const governed = await seenOfEverything(await KINDS[kind](gatewayBefore(SERVERS.everything(), ["--name", "everything", "--policies", policies, "--no-control-plane", "--dir", join(home, "state")])));
    expect(governed).toEqual(direct);
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
