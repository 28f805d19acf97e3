import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it } from "vitest";
import { createWireClient } from "./wire-client.ts";

it.each([
  ["can be sent", "17", ["17"]],
  ["cannot stand in a header", "17\u20ac", [undefined]],
  ["is longer than any header", "1".repeat(100_000), [undefined]],
])("comes back after an event whose id %s", async (_what, id, resumed) => {
  const asked: (string | string[] | undefined)[] = [];
  const server = createServer((request, response) => {
    asked.push(request.headers["last-event-id"]);
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(`id: ${id}\nevent: hello\ndata: {"seq":17,"now":1,"installation":"i"}\n\n`);
    if (asked.length === 1) setTimeout(() => response.destroy(), 20);
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo; // a TCP server has one
  const client = createWireClient(new URL(`http://127.0.0.1:${port}`), "key");
  let hellos = 0;
  const stream = client.events({ onHello: () => void (hellos += 1), onRequest: () => undefined, onPolicy: () => undefined }, { firstPauseMs: 10 });
  try {
    stream.start();
    await expect.poll(() => hellos).toBe(2);
    expect(asked.slice(1)).toEqual(resumed);
  } finally {
    stream.close();
    client.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

it("a request that was given an id that is no text is asked about like any other that is not there", async () => {
  const server = createServer((request, response) => void response.writeHead(404, { "content-type": "application/json" }).end(JSON.stringify({ url: request.url })));
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo; // a TCP server has one
  const client = createWireClient(new URL(`http://127.0.0.1:${port}`), "key");
  try {
    expect(await client.readAsked("\ud800", { withinMs: 2_000 })).toMatchObject({ ok: false, code: "garbage", status: 404 });
  } finally {
    client.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});
