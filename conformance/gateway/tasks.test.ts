/**
 * R25 for tasks, as sessions of 2025-11-25 know them: the official client asks for one, a policy holds the call, and the approval lasts until
 * the task's end is seen. server-everything makes the task; its research takes four seconds.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { CallToolResultSchema } from "@modelcontextprotocol/sdk/types.js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startControlPlane, type RunningControlPlane } from "../control-plane/running-control-plane.ts";
import { signInOwner } from "../crash/fixture/installation.ts";
import { personAt, until, type Person, type Request } from "../crash/fixture/person.ts";
import { startHttpGateway, type HttpProgram } from "./http-gateway.ts";
import { gatewayBefore, SERVERS } from "./real-servers.ts";
import { startEverything } from "./remote-servers.ts";

const POLICY = `version: 1
default: allow
policies:
  - name: research
    match: mcp:everything:simulate-research-query
    action: block
    reason: Research needs approval
`;
const WAYS = ["stdio before a process", "HTTP before a process", "HTTP before HTTP"] as const;
type Way = (typeof WAYS)[number];

let home: string;
let plane: RunningControlPlane;
let owner: Person;
beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), "countersign-tasks-"));
  plane = await startControlPlane({ policy: POLICY });
  const { headers } = await signInOwner(plane.url, plane.directory);
  owner = personAt(() => plane.url, headers);
});
afterAll(async () => {
  await plane.remove();
  rmSync(home, { recursive: true, force: true });
});

const options = (): readonly string[] => ["--name", "everything", "--agent", "tester", "--dir", plane.directory];

interface Connected {
  readonly client: Client;
  close(): Promise<void>;
}

async function connect(way: Way): Promise<Connected> {
  const client = new Client({ name: "tasks", version: "1" }, { capabilities: {} });
  const programs: HttpProgram[] = [];
  if (way === "stdio before a process") {
    const [command = "", ...args] = gatewayBefore(SERVERS.everything(), options());
    await client.connect(new StdioClientTransport({ command, args, stderr: "ignore" }));
  } else {
    const upstream = way === "HTTP before HTTP" ? await startEverything("streamableHttp") : undefined;
    if (upstream !== undefined) programs.push(upstream);
    const gateway = await startHttpGateway(upstream === undefined ? { command: SERVERS.everything() } : { url: upstream.url }, options());
    programs.unshift(gateway);
    await client.connect(new StreamableHTTPClientTransport(new URL(gateway.url)));
  }
  await client.listTools();
  return {
    client,
    async close() {
      await client.close();
      for (const program of programs) await program.close();
    },
  };
}

interface Told {
  readonly kinds: readonly string[];
  readonly text: string;
}

/** The kinds of everything that the stream of the call said, once each in a row, and the text at its end. */
async function research(client: Client, topic: string): Promise<Told> {
  const kinds: string[] = [];
  let text = "";
  for await (const message of client.experimental.tasks.callToolStream({ name: "simulate-research-query", arguments: { topic } }, CallToolResultSchema, { task: { ttl: 60_000 } })) {
    if (kinds.at(-1) !== message.type) kinds.push(message.type);
    if (message.type === "result") text = JSON.stringify(message.result);
    if (message.type === "error") text = message.error.message;
  }
  return { kinds, text };
}

const inState = (...states: readonly Request["state"][]): Promise<Request> => owner.sees(...states);

describe.for(WAYS)("%s", (way) => {
  it("an approved call is a task of the server's, and is being executed until the end of that is seen", { tags: ["leaves-sockets"] }, async () => {
    const { client, close } = await connect(way);
    try {
      const telling = research(client, `${way} approved`);
      const request = await inState("pending");
      expect(await owner.vote(request)).toBe(200);
      await inState("executing");
      // The same call, while the task is at work: it is not made again.
      const again = await client.request({ method: "tools/call", params: { name: "simulate-research-query", arguments: { topic: `${way} approved` }, task: { ttl: 60_000 } } }, CallToolResultSchema).catch((error: unknown) => ({ isError: true, content: [{ type: "text", text: String(error) }] }));
      expect(again.isError).toBe(true);
      const told = await telling;
      expect(told.kinds).toEqual(["taskCreated", "taskStatus", "result"]);
      expect(told.text).toContain("Research Report");
      await until(
        async () => ((await owner.detail(request.id)).state === "completed" ? true : undefined),
        () => "the request is not completed",
      );
    } finally {
      await close();
    }
  });

  it("a call that is denied is an error at its client, and no task is there", { tags: ["leaves-sockets"] }, async () => {
    const { client, close } = await connect(way);
    try {
      const telling = research(client, `${way} denied`);
      await owner.vote(await inState("pending"), "deny");
      const told = await telling;
      expect(told.kinds).toEqual(["error"]);
      expect((await inState("denied")).state).toBe("denied");
    } finally {
      await close();
    }
  });

  it("and is told why", { tags: ["leaves-sockets"] }, async () => {
    const { client, close } = await connect(way);
    try {
      const telling = research(client, `${way} told why`);
      await owner.vote(await inState("pending"), "deny");
      expect((await telling).text).toContain("A person denied it");
    } finally {
      await close();
    }
  });
});
