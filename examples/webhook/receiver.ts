/**
 * The other side of webhookApproval: takes signed questions, answers 202 until they are decided, then a signed decision.
 * It must never read a question before its signature was checked. Here a rule decides; in yours a person does.
 */
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { Webhook } from "standardwebhooks";

/** What is used here of the event that webhookApproval POSTs. */
interface Question {
  readonly requestId: string;
  readonly digest: string;
  readonly tool: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

interface Decision {
  readonly approved: boolean;
  readonly approver: string;
  readonly reason: string;
}

export interface Receiver {
  readonly url: string;
  close(): Promise<void>;
}

export async function startReceiver({ secret }: { readonly secret: string }): Promise<Receiver> {
  const webhook = new Webhook(secret);
  const open = new Map<string, { readonly question: Question; decision?: Decision }>();

  // #region receiver
  async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request);
    try {
      webhook.verify(body, headersOf(request), { jsonParse: false });
    } catch {
      response.writeHead(401).end();
      return;
    }
    if (request.method === "POST") {
      // Signed with the shared secret, so it is a question of webhookApproval.
      const question = (JSON.parse(body) as { readonly data: Question }).data;
      const entry: { readonly question: Question; decision?: Decision } = { question };
      open.set(`/requests/${question.requestId}`, entry);
      void decide(question).then((decision) => (entry.decision = decision));
      response.writeHead(202, { location: `/requests/${question.requestId}` }).end();
      return;
    }
    const entry = open.get(request.url ?? "");
    if (entry === undefined) response.writeHead(404).end();
    else if (entry.decision === undefined) response.writeHead(202).end();
    else {
      // The answer repeats the digest of the call it is about, and is signed: a yes to something else is no yes.
      const { requestId, digest } = entry.question;
      const answer = JSON.stringify({ ...entry.decision, requestId, digest });
      const id = `msg_${randomUUID()}`;
      const at = new Date();
      const signed = { "webhook-id": id, "webhook-timestamp": String(Math.floor(at.getTime() / 1000)), "webhook-signature": webhook.sign(id, at, answer) };
      response.writeHead(200, { "content-type": "application/json", ...signed }).end(answer);
    }
  }
  // #endregion

  const server = createServer((request, response) => {
    receive(request, response).catch(() => response.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  // A listening TCP server's address is an object.
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/approvals`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** Somebody who takes a moment, and signs text files only. */
async function decide({ tool, arguments: args }: Question): Promise<Decision> {
  await sleep(300);
  const approved = tool === "write_file" && String(args["path"]).endsWith(".txt");
  return { approved, approver: "jane@company.com", reason: approved ? "a text file" : "only text files may be written" };
}

function headersOf(request: IncomingMessage): Record<string, string> {
  return Object.fromEntries(["webhook-id", "webhook-timestamp", "webhook-signature"].map((name) => [name, String(request.headers[name] ?? "")]));
}
