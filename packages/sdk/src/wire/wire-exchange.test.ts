import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { expect, it } from "vitest";
import { z } from "zod";
import { WireConnection } from "./wire-connection.ts";
import { exchange } from "./wire-exchange.ts";

/** Answers in a thread of its own, whatever this one does. */
const SERVER = `
const { parentPort } = require("node:worker_threads");
const server = require("node:http").createServer((request, response) => setTimeout(() => response.end("{}"), 100));
server.listen(0, "127.0.0.1", () => parentPort.postMessage(server.address().port));
`;

it("an answer that came in time counts, though this process was too slow to read it in time", async () => {
  const worker = new Worker(SERVER, { eval: true });
  try {
    const [port] = (await once(worker, "message")) as [number]; // it says nothing else
    const connection = new WireConnection(new URL(`http://127.0.0.1:${port}`), "key");
    const answer = exchange(connection, { method: "GET", path: "/", schema: z.object({}), withinMs: 400, repeat: false });
    await new Promise((resolve) => setTimeout(resolve, 20)); // it is under way
    await new Promise((resolve) => setImmediate(resolve)); // timers come next, and then what was read
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 600);
    expect(await answer).toMatchObject({ ok: true });
    connection.close();
  } finally {
    await worker.terminate();
  }
});
