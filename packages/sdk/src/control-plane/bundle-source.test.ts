import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it } from "vitest";
import { openPolicyStore } from "../policy/policy-store.ts";
import { createWireClient } from "../wire/wire-client.ts";
import { createBundleSource } from "./bundle-source.ts";

it("a document that takes longer on its way than a first load may is in force once it is there", async () => {
  const text = "version: 1\npolicies: []\n";
  const body = JSON.stringify({ version: 1, digest: "d", text, activatedAt: 1, principal: "key:k" });
  const timers = new Set<NodeJS.Timeout>();
  const server = createServer((request, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    response.write(body.slice(0, 20));
    timers.add(setTimeout(() => response.end(body.slice(20)), 2_200));
    request.on("error", () => undefined);
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo; // a TCP server has one
  const client = createWireClient(new URL(`http://127.0.0.1:${port}`), "key");
  const store = openPolicyStore(createBundleSource(client), () => undefined);
  try {
    const begun = performance.now();
    await store.loading;
    expect(performance.now() - begun).toBeLessThan(2_100); // calls are refused, and do not hang
    expect(store.status().generation).toBe(0);
    await expect.poll(() => store.status().generation, { timeout: 7_000 }).toBe(1);
  } finally {
    store.close();
    client.close();
    for (const timer of timers) clearTimeout(timer);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});
