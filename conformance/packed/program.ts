/** Programs of a stranger: one for each client line and module kind, as text, with nothing in them but documented API. */

export const KINDS = ["v1 esm", "v1 cjs", "v2 esm", "v2 cjs"] as const;
export type Kind = (typeof KINDS)[number];

/** Source of a program that calls a blocked tool in every way its client offers, and prints what it saw as JSON. */
export function programOf(kind: Kind): { readonly file: string; readonly source: string } {
  const isV1 = kind.startsWith("v1");
  const isEsm = kind.endsWith("esm");
  const modules = isV1
    ? [["Client", "@modelcontextprotocol/sdk/client/index.js"], ["StdioClientTransport", "@modelcontextprotocol/sdk/client/stdio.js"], ["CallToolResultSchema", "@modelcontextprotocol/sdk/types.js"]]
    : [["Client", "@modelcontextprotocol/client"], ["StdioClientTransport", "@modelcontextprotocol/client/stdio"]];
  const names = ["configureSession", "init", "PolicyViolationError", "shutdown"].join(", ");
  const bring = ([name, from]: readonly string[]): string => (isEsm ? `import { ${name} } from "${from}";` : `const { ${name} } = require("${from}");`);
  const ways = isV1
    ? [
        "() => client.callTool(write)",
        'client.request.bind(client, { method: "tools/call", params: write }, CallToolResultSchema)',
        "() => Client.prototype.callTool.call(client, write)",
        "async () => { for await (const message of client.experimental.tasks.callToolStream(write, CallToolResultSchema)) if (message.type === 'error') throw message.error; }",
      ]
    : [
        "() => client.callTool(write)",
        'client.request.bind(client, { method: "tools/call", params: write })',
        "() => Client.prototype.callTool.call(client, write)",
        "() => client.callTool(write, { timeout: 5000 })",
      ];
  const body = `
const [server, folder] = process.argv.slice(2);
async function main() {
  const { governed } = init({ policies: "countersign.policy.yaml" });
  const client = new Client({ name: "stranger", version: "1.0.0" });
  await client.connect(new StdioClientTransport({ command: process.execPath, args: [server, folder], stderr: "ignore" }));
  configureSession(client, { serverName: "filesystem" });
  const write = { name: "write_file", arguments: { path: folder + "/${kind.replace(" ", "-")}.txt", content: "hello" } };
  const refusals = [];
  for (const way of [${ways.join(", ")}]) {
    try { await way(); refusals.push("ran"); }
    catch (error) { refusals.push(error instanceof PolicyViolationError ? error.code + " " + error.message : String(error)); }
  }
  const listing = await client.callTool({ name: "list_directory", arguments: { path: folder } });
  configureSession(client, { serverName: "filesystem", onPolicyBlock: () => true });
  const written = await client.callTool(write);
  console.log(JSON.stringify({ governed: governed.map(({ package: name, build }) => name + " " + build).sort(), refusals, listing: listing.content[0].text, written: written.content[0].text }));
  await client.close();
  await shutdown();
}
main();`;
  const source = [...modules, [names, "@countersign/sdk"]].map(bring).join("\n") + body;
  return { file: `${kind.replace(" ", "-")}.${isEsm ? "mjs" : "cjs"}`, source };
}
