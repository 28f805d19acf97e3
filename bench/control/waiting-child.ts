/** An agent's process in which thousands of calls wait at once, on one stream for each of its keys: the SDK's own client and watch. */
import { createWireClient, type AskedRequest } from "@countersign/sdk/wire";
import { RequestWatch } from "../../packages/sdk/src/control-plane/request-watch.ts";
import { askBodyOf } from "./furnish.ts";

export interface WaitingOptions {
  readonly url: string;
  readonly secrets: readonly string[];
  readonly count: number;
}

interface Memory {
  readonly heap: number;
  readonly rss: number;
}

export interface Held {
  readonly before: Memory;
  readonly held: Memory;
  /** Heap of what was asked alone, in bytes: the caller's own. */
  readonly asked: number;
  readonly requests: readonly Pick<AskedRequest, "id" | "requestDigest">[];
}

/** Who woke when, in milliseconds since the epoch with fractions. */
export type Woken = readonly (readonly [id: string, at: number])[];

const AT_ONCE = 8;

// Whoever asked is gone.
process.once("disconnect", () => process.exit());
process.once("message", (options) => void hold(options as WaitingOptions)); // waiting.ts sends them

async function hold({ url, secrets, count }: WaitingOptions): Promise<void> {
  const clients = await Promise.all(secrets.map((secret) => connect(url, secret)));
  const before = memory();
  const asked: AskedRequest[] = [];
  const waits: Promise<readonly [string, number]>[] = [];
  const never = new AbortController().signal;
  await Promise.all(
    clients.flatMap(({ client, watch }, key) => {
      let left = Math.ceil(count / clients.length);
      return Array.from({ length: AT_ONCE }, async () => {
        while (left-- > 0) {
          const answer = await client.ask(askBodyOf(`waiting-${key}-${left}`), { withinMs: 30_000 });
          if (!answer.ok) throw new Error(JSON.stringify(answer));
          const { request } = answer.value;
          asked.push(request);
          waits.push(watch.follow(request, never).then(() => [request.id, performance.timeOrigin + performance.now()] as const));
        }
      });
    }),
  );
  process.on("message", () => {
    for (const { stream, watch, client } of clients) {
      stream.close();
      watch.close();
      client.close();
    }
    process.disconnect();
  });
  const held = memory();
  const copies: unknown = JSON.parse(JSON.stringify(asked));
  const ofAsked = memory().heap - held.heap;
  process.send?.({ before, held, asked: Array.isArray(copies) ? ofAsked : 0, requests: asked.map(({ id, requestDigest }) => ({ id, requestDigest })) } satisfies Held);
  process.send?.(await Promise.all(waits));
}

async function connect(url: string, secret: string) {
  const client = createWireClient(new URL(url), secret);
  const heard = Promise.withResolvers<void>();
  const stream = client.events({ onHello: () => heard.resolve(), onRequest: (request) => watch.take(request), onPolicy: () => undefined });
  const watch = new RequestWatch(client, { isConnected: () => stream.isConnected, onAttended: (attended) => stream.attend(attended) });
  stream.start();
  stream.attend(true);
  await heard.promise;
  return { client, stream, watch };
}

function memory(): Memory {
  globalThis.gc?.();
  const { heapUsed, rss } = process.memoryUsage();
  return { heap: heapUsed, rss };
}
