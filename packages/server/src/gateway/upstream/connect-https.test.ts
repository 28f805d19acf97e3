/** Over TLS: who is not who they say is sent nothing. */
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { CERTIFICATE, CERTIFICATE_KEY } from "../fixture/test-certificate.ts";
import { memoryConnection, type MemoryConnection } from "../fixture/memory-connection.ts";
import { connectHttp } from "./connect-http.ts";

const asked: (string | undefined)[] = [];
const server = createServer({ cert: CERTIFICATE, key: CERTIFICATE_KEY }, (request, response) => {
  asked.push(request.headers.authorization);
  request.resume().once("end", () => response.writeHead(200, { "content-type": "application/json" }).end('{"jsonrpc":"2.0","id":1,"result":{}}'));
});
let port: number;
let to: MemoryConnection;
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  ({ port } = server.address() as AddressInfo); // it listens on a port
});
afterEach(() => to.connection.stop());
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});
const connect = (host: string): void => {
  to = memoryConnection((listener) => connectHttp({ url: new URL(`https://${host}:${port}/mcp`), headers: { authorization: "Bearer secret" }, authorization: undefined }, listener));
};

it("a certificate that nobody trusts, or of another name, is told; nothing was sent", async () => {
  connect("127.0.0.1");
  expect(await to.ask(1, "tools/call", { name: "t" })).toMatchObject({ error: { message: expect.stringMatching(/cannot be reached: its certificate is one that is not trusted here .*The request was not sent\.$/) } });
  await to.connection.stop();
  trust();
  connect("[::ffff:127.0.0.1]"); // the same machine under a name that is not in it
  expect(await to.ask(1, "tools/call", { name: "t" })).toMatchObject({ error: { message: expect.stringMatching(/cannot be reached: its certificate is for another name\. The request was not sent\.$/) } });
  expect([asked, to.unknown]).toEqual([[], []]);
});

it("one that is trusted, of this name, is spoken to", async () => {
  trust();
  connect("localhost");
  expect(await to.ask(1, "tools/call", { name: "t" })).toEqual({ jsonrpc: "2.0", id: 1, result: {} });
  expect(asked).toEqual(["Bearer secret"]);
});

function trust(): void {
  setDefaultCACertificates([...getCACertificates("default"), CERTIFICATE]);
}
