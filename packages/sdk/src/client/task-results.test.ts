import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { InMemoryTaskMessageQueue, InMemoryTaskStore } from "@modelcontextprotocol/sdk/experimental/tasks/stores/in-memory.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { Protocol } from "@modelcontextprotocol/sdk/shared/protocol.js";
import { CallToolResultSchema } from "@modelcontextprotocol/sdk/types.js";
import { expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { configureSession, type Inspection, type PolicyDocument } from "../index.ts";
import { refusalOf, start, useGovernance } from "./fixture/governed-client.ts";

useGovernance();

const NUMBER = "078-05-1120";
const LOOKS: Inspection = {
  name: "numbers",
  inspectResult: (_call, result) => (JSON.stringify(result).includes(NUMBER) ? [{ type: "us_ssn", group: "pii", direction: "output", where: "/content/0/text" }] : []),
  // The result of the tool below, which holds no more than one text.
  redactResult: (_call, result) => JSON.parse(JSON.stringify(result).replaceAll(NUMBER, "[number]")) as typeof result,
};
const document = (action: "block" | "redact"): PolicyDocument => ({ version: 1, policies: [], inspection: { pii: { output: { us_ssn: action } } } });

/** A client of a server whose one tool makes a task of every call. */
async function connectTasks(inspections: readonly Inspection[], action: "block" | "redact" = "block"): Promise<Client> {
  const taskStore = new InMemoryTaskStore();
  const server = new McpServer({ name: "tasks", version: "1.0.0" }, { capabilities: { tools: {}, tasks: { requests: { tools: { call: {} } } } }, taskStore, taskMessageQueue: new InMemoryTaskMessageQueue() });
  server.experimental.tasks.registerToolTask("look_up", { inputSchema: { who: z.string() }, execution: { taskSupport: "required" } }, {
    async createTask(_args, { taskStore: store }) {
      const task = await store.createTask({ ttl: 60_000, pollInterval: 5 });
      await store.storeTaskResult(task.taskId, "completed", { content: [{ type: "text", text: NUMBER }] });
      return { task };
    },
    getTask: (_args, { taskId, taskStore: store }) => store.getTask(taskId),
    async getTaskResult(_args, { taskId, taskStore: store }) {
      return (await store.getTaskResult(taskId)) as { content: [] }; // as stored above
    },
  });
  const [clientSide, serverSide] = InMemoryTransport.createLinkedPair();
  const client = new Client({ name: "test", version: "1.0.0" });
  start(document(action), { inspections });
  await Promise.all([server.connect(serverSide), client.connect(clientSide)]);
  configureSession(client, { serverName: "people" });
  await client.listTools();
  onTestFinished(async () => {
    await client.close();
    taskStore.cleanup();
  });
  return client;
}

async function streamed(client: Client): Promise<readonly { readonly type: string; readonly error?: unknown; readonly result?: unknown }[]> {
  const messages = [];
  for await (const message of client.experimental.tasks.callToolStream({ name: "look_up", arguments: { who: "Ann" } }, CallToolResultSchema)) messages.push(message);
  return messages;
}

it("a task's result that inspection blocks is withheld, and the stream gives the PolicyViolationError itself", async () => {
  const messages = await streamed(await connectTasks([LOOKS]));
  expect(JSON.stringify(messages)).not.toContain(NUMBER);
  expect(messages.at(-1)).toMatchObject({ type: "error", error: { name: "PolicyViolationError", code: "result_withheld" } });
});

it("a task's result is redacted", async () => {
  const messages = await streamed(await connectTasks([LOOKS], "redact"));
  expect(messages.at(-1)).toEqual({ type: "result", result: expect.objectContaining({ content: [{ type: "text", text: "[number]" }] }) });
});

it("an inspection of a task's result that throws withholds it, however often it is fetched", async () => {
  const client = await connectTasks([{ name: "broken", inspectResult: (_call, result) => (JSON.stringify(result).includes(NUMBER) ? Promise.reject(new Error("broken on purpose")) : []) }]);
  const [made] = await streamed(client);
  const { taskId } = (made as unknown as { task: { taskId: string } }).task; // the first message says that it is made
  for (let time = 0; time < 2; time++) expect((await refusalOf(client.experimental.tasks.getTaskResult(taskId, CallToolResultSchema))).code).toBe("result_withheld");
});

it.each([["is withheld where results are looked into", [LOOKS]], ["passes where they are not", []]])("the result of a task that was not begun through this client %s", async (_name, inspections) => {
  const client = await connectTasks(inspections);
  const raw = { method: "tools/call", params: { name: "look_up", arguments: { who: "Ann" }, task: {} } };
  const made = await (Reflect.apply(Protocol.prototype.request, client, [raw, z.looseObject({})]) as Promise<{ task: { taskId: string } }>); // past every hook
  const fetched = client.experimental.tasks.getTaskResult(made.task.taskId, CallToolResultSchema);
  if (inspections.length > 0) expect((await refusalOf(fetched)).code).toBe("result_withheld");
  else expect((await fetched).content).toEqual([{ type: "text", text: NUMBER }]);
});
