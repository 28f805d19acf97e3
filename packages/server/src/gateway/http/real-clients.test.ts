/** Official clients of both lines over real sockets see through the front what they see without it. */
import { afterEach, describe, expect, it } from "vitest";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { StreamableHTTPClientTransport as HttpV2 } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport as HttpV1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { officialV1, officialV2, seenOfEverything, type Mode } from "../fixture/official-client.ts";
import { PATIENT } from "./fixture/http-peer.ts";
import { startHttpStage, type HttpStage } from "./fixture/http-stage.ts";

let at: HttpStage;
afterEach(() => at.close());

const require = createRequire(import.meta.url);
const EVERYTHING = [process.execPath, join(dirname(require.resolve("@modelcontextprotocol/server-everything/package.json")), "dist/index.js"), "stdio"];
const v2 = (url: string, mode: Mode): ReturnType<typeof officialV2> => officialV2(new HttpV2(new URL(url)), mode);

describe("before server-everything", () => {
  it.each([
    ["v1", (url: string) => officialV1(new HttpV1(new URL(url)) as Transport)], // its session id may be undefined, which its own interface does not say
    ["v2, legacy", (url: string) => v2(url, "legacy")],
    ["v2, auto, which falls back", (url: string) => v2(url, "auto")],
  ])("%s: the same tools, results, errors, sampling, elicitation, roots and progress", async (_kind, connect) => {
    at = await startHttpStage({ command: EVERYTHING });
    const [command = "", ...args] = EVERYTHING;
    const direct = await seenOfEverything(await officialV1(new StdioClientTransport({ command, args, stderr: "ignore" })));
    expect(await seenOfEverything(await connect(at.url))).toEqual(direct);
  });

  it("a client that insists on the newer era is told that it is not there", async () => {
    at = await startHttpStage({ command: EVERYTHING });
    await expect(v2(at.url, { pin: "2026-07-28" })).rejects.toThrow(/did not offer pinned protocol version/);
  });
});

describe("before a server of both eras", () => {
  it.each([
    ["legacy", "legacy", "2025-11-25"],
    ["auto", "auto", "2026-07-28"],
    ["pin", { pin: "2026-07-28" }, "2026-07-28"],
  ] as const)("v2, %s: calls, progress, changes, cancellation", async (_name, mode, version) => {
    at = await startHttpStage();
    const { client, ...tools } = await v2(at.url, mode);
    try {
      expect(client.getNegotiatedProtocolVersion()).toBe(version);
      expect(await tools.callTool({ name: "echo", arguments: { text: "hi" } })).toMatchObject({ content: [{ text: "hi" }] });
      expect((await tools.progress({ name: "steps", arguments: { text: "s" } })).length).toBeGreaterThan(1);
      const changed = Promise.withResolvers<void>();
      client.setNotificationHandler("notifications/tools/list_changed", () => changed.resolve());
      const subscription = version === "2026-07-28" ? await client.listen({ toolsListChanged: true }) : undefined;
      await tools.callTool({ name: "add", arguments: { text: "later" } });
      await changed.promise;
      await subscription?.close();
      expect(await tools.callTool({ name: "later", arguments: {} })).toMatchObject({ content: [{ text: "later is here" }] });
      const leave = new AbortController();
      const slow = client.callTool({ name: "slow", arguments: { text: "q", ms: "5000" } }, { signal: leave.signal });
      await expect.poll(() => at.witness(), PATIENT).toContain("slow q");
      leave.abort();
      await expect(slow).rejects.toThrow();
      await expect.poll(() => at.witness(), PATIENT).toContain("cancelled q");
    } finally {
      await client.close();
    }
  });
});
