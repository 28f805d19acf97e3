import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, it } from "vitest";
import { clientOf } from "./control-client.ts";

const SILENCE_MS = 1_000;
let server: Server;
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

/** A control plane that sends `rows`, one each `everyMs`, and then ends or falls silent. */
async function streamOf(rows: number, everyMs: number, ends: boolean): Promise<ReadableStream<Uint8Array>> {
  server = createServer((_, answer) => {
    void (async () => {
      for (let row = 0; row < rows; row++) {
        answer.write(`${row}\n`);
        await sleep(everyMs);
      }
      if (ends) answer.end();
    })();
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  return clientOf(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, "t", SILENCE_MS).stream("/v1/record/export");
}

it("a stream may take longer than it may be silent, and comes whole", async () => {
  const started = performance.now();
  expect((await new Response(await streamOf(12, 200, true)).text()).trim().split("\n")).toHaveLength(12);
  expect(performance.now() - started).toBeGreaterThan(2 * SILENCE_MS);
});

it("an answer has its own keys, however they are written", async () => {
  const texts = [String.raw`{"x":1,"\\":2}`, String.raw`{"x":1,"\u0061":2}`, String.raw`{"x":1,"\n":2}`];
  let asked = 0;
  server = createServer((_, answer) => void answer.end(texts[asked++]));
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const client = clientOf(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, "t");
  const keys: string[][] = [];
  for (const _ of texts) keys.push(Object.keys((await client.request("GET", "/v1/x")) as object)); // the texts above
  expect(keys).toEqual([["x", "\\"], ["x", "a"], ["x", "\n"]]);
});

it("a stream that falls silent ends in an error that says so, not as if it were whole", async () => {
  const body = await streamOf(2, 1, false);
  await expect(new Response(body).text()).rejects.toThrow("nothing was heard for 1 s");
});
