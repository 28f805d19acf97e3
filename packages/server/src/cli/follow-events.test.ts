import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, it } from "vitest";
import { clientOf } from "./control-client.ts";
import { followEvents } from "./follow-events.ts";

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

const frame = (id: number | null, name: string, n: number): string => `${id === null ? "" : `id: ${id}\n`}event: ${name}\ndata: {"n":${n}}\n\n`;

/** A source of events; `onStream` is told each time somebody listens, and where they want to go on. */
async function serve(onStream: (answer: ServerResponse, lastEventId: string | undefined, count: number) => void): Promise<string> {
  let count = 0;
  const server = createServer((request, answer) => {
    answer.writeHead(200, { "content-type": "text/event-stream" });
    onStream(answer, request.headers["last-event-id"]?.toString(), (count += 1));
  });
  servers.push(server);
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

it("an event that could not be handled comes again, and what came with it in one piece is not lost either", async () => {
  const resumed: (string | undefined)[] = [];
  const url = await serve((answer, lastEventId, count) => {
    resumed.push(lastEventId);
    answer.write(count === 1 ? frame(1, "hello", 1) + frame(2, "request", 2) + frame(3, "request", 3) + frame(4, "request", 4) : frame(null, "hello", 0) + frame(3, "request", 3) + frame(4, "request", 4));
  });
  const ending = new AbortController();
  const handled: unknown[] = [];
  const breaks: string[] = [];
  let failed = false;
  await followEvents(clientOf(url, "t"), ending.signal, async ({ event, data }) => {
    if (data["n"] === 3 && !failed) {
      failed = true;
      throw new Error("the reader was away");
    }
    handled.push([event, data["n"]]);
    if (data["n"] === 4) ending.abort();
  }, (why) => breaks.push(why));
  expect(handled).toEqual([["hello", 1], ["request", 2], ["hello", 0], ["request", 3], ["request", 4]]);
  expect(resumed).toEqual([undefined, "2"]);
  expect(breaks).toEqual(["the reader was away"]);
});

it("a stream that stands and says nothing is given up, and taken up again where it was", async () => {
  const resumed: (string | undefined)[] = [];
  const url = await serve((answer, lastEventId, count) => {
    resumed.push(lastEventId);
    answer.write(count === 1 ? frame(7, "hello", 1) : frame(8, "request", 2));
  });
  const ending = new AbortController();
  const breaks: string[] = [];
  await followEvents(clientOf(url, "t", 1_000), ending.signal, ({ data }) => (data["n"] === 2 ? ending.abort() : undefined), (why) => breaks.push(why));
  expect(resumed).toEqual([undefined, "7"]);
  expect(breaks).toEqual(["nothing was heard for 1 s"]);
});
