import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createOperator, until, type Operator } from "./fixture/operator.ts";
import { gatewayJoined } from "./gateway-joined.ts";
import { realPorts } from "./real-ports.ts";
import { GATEWAY_DEFAULTS } from "./start-gateway.ts";

const ECHO = fileURLToPath(new URL("fixture/echo-server.ts", import.meta.url));

let operator: Operator;
beforeEach(() => {
  operator = createOperator();
});
afterEach(() => operator.close());

it("over stdio a call that waits for people is judged by the policies that the configuration names by now, whatever they were asked under before", async () => {
  const { home, path } = operator;
  writeFileSync(path("asks.yaml"), "version: 1\npolicies:\n  - { name: writes, match: 'mcp:*:write', action: block, approval: {} }\n");
  writeFileSync(path("blocks.yaml"), "version: 1\npolicies:\n  - { name: writes, match: 'mcp:*:write', action: block, approval: never, reason: nobody writes }\n");
  const { url } = await operator.up("--policies", path("asks.yaml"));
  const owner = await operator.login(url);
  const { body: key } = await operator.as<{ secret: string }>(owner, url, "POST", "/v1/keys", { name: "gateway", ownerId: null, expiresAt: null });
  const config = (policies: string): string => `version: 1\ngateway:\n  controlPlane: { url: "${url}", apiKey: ${key.secret} }\n  servers:\n    one: { command: ${JSON.stringify(process.execPath)}, args: [${JSON.stringify(ECHO)}, ${JSON.stringify(path("ran"))}], policies: ${policies} }\n`;
  writeFileSync(path("countersign.yaml"), config("asks.yaml"));

  const [input, output] = [new PassThrough(), new PassThrough()];
  let said = "";
  output.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const ended = gatewayJoined(path("countersign.yaml"), { ...GATEWAY_DEFAULTS, dir: join(home, "gateway") }, undefined, { ...realPorts(), out: () => undefined, err: () => undefined, stopped: new Promise(() => undefined), streams: () => ({ input, output }) });
  const answerTo = (id: number): Promise<string> => until(() => said.split("\n").find((line) => line.startsWith(`{"jsonrpc":"2.0","id":${id},`)));
  const send = (message: object): boolean => input.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
  try {
    send({ id: 1, method: "initialize", params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "c", version: "1" } } });
    await answerTo(1);
    send({ id: 2, method: "tools/call", params: { name: "one__write", arguments: {} } });
    const [request] = await until(async () => ((found) => (found.length > 0 ? found : undefined))((await operator.as<{ requests: { id: string; requestDigest: string }[] }>(owner, url, "GET", "/v1/approvals?state=pending")).body.requests));
    writeFileSync(path("countersign.yaml"), config("blocks.yaml"));
    expect(await answerTo(2)).toContain("has not run");
    await operator.as(owner, url, "POST", `/v1/approvals/${request?.id}/vote`, { choice: "approve", requestDigest: request?.requestDigest, viewedDigest: null, reason: "", grant: null });
    send({ id: 3, method: "tools/call", params: { name: "one__write", arguments: {} } });
    expect(await answerTo(3)).toContain("nobody writes");
    expect(existsSync(path("ran"))).toBe(false);
  } finally {
    input.end();
    await ended;
  }
});
