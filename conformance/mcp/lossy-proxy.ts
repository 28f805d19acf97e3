/** A relay as they often are: it passes bytes on, and loses what comes before the answer. The suites have to see that. */
import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Transform } from "node:stream";

export interface LossyProxy {
  readonly url: string;
  close(): void;
}

export async function startLossyProxy(target: string): Promise<LossyProxy> {
  const server = createServer((incoming, outgoing) => relay(incoming, outgoing, target));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  // It listens, so the address has a port.
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://localhost:${port}/mcp`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

function relay(incoming: IncomingMessage, outgoing: ServerResponse, target: string): void {
  const onwards = request(target, { method: incoming.method, headers: incoming.headers, agent: false }, (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
    outgoing.flushHeaders();
    answer.pipe(withoutProgress()).pipe(outgoing);
  });
  onwards.on("error", () => outgoing.destroy());
  outgoing.once("close", () => onwards.destroy());
  incoming.pipe(onwards);
}

function withoutProgress(): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const text = chunk.toString();
      done(null, text.includes('"notifications/progress"') ? ": lost\n\n" : chunk);
    },
  });
}
