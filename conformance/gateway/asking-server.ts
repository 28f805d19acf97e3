/**
 * An official server of both protocol eras over stdio, whose tools ask before they do anything: each thing done is a line in a file, the only
 * witness. What it carries between rounds is its own text, which no client may see.
 */
import { appendFileSync } from "node:fs";
import { inputRequired, McpServer } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";

const [witness = ""] = process.argv.slice(2);
const OWN_STATE = "of-the-server-alone";
const done = (what: string) => {
  appendFileSync(witness, `${what}\n`);
  return { content: [{ type: "text" as const, text: `done: ${what}` }] };
};
const question = (message: string) => inputRequired.elicit({ message, requestedSchema: { type: "object", properties: { name: { type: "string" } }, required: ["name"] } });

serveStdio(() => {
  const server = new McpServer({ name: "asking", version: "1" });
  server.registerTool("note", { description: "Notes that it ran" }, () => done("note"));
  for (const name of ["greet", "held_greet"]) {
    server.registerTool(name, { description: "Asks twice, then greets" }, (ctx) => {
      const asked = ctx.mcpReq as { requestState(): string | undefined; inputResponses?: Record<string, { content?: { name?: string } }> }; // as this server and its client wrote it
      const state = asked.requestState();
      if (state === undefined) return inputRequired({ inputRequests: { who: question("Who?") }, requestState: `${OWN_STATE}:1:` });
      const [, step, before] = state.split(":");
      const said = asked.inputResponses?.["who"]?.content?.name ?? "nobody";
      if (step === "1") return inputRequired({ inputRequests: { who: question("And who else?") }, requestState: `${OWN_STATE}:2:${said}` });
      return done(`${name} ${before} and ${said}`);
    });
  }
  return server;
});
