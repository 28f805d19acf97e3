/** `countersign gateway install`, from a client's file to what the client starts by it and back: a program and an address, as their owner has them. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { afterEach, beforeEach, expect, it } from "vitest";
import { startControlPlane, type RunningControlPlane } from "../control-plane/running-control-plane.ts";
import { signInOwner } from "../crash/fixture/installation.ts";
import { personAt, type Person } from "../crash/fixture/person.ts";
import { COUNTERSIGN, SERVERS } from "./real-servers.ts";

const TOKEN = "s3cr3t-of-the-address";
const POLICY = "version: 1\ndefault: allow\npolicies:\n  - { name: writes, match: ['mcp:files:write_file', 'mcp:far:add'], action: block, reason: People decide, approval: {} }\n";

let home: string;
let root: string;
let plane: RunningControlPlane;
let owner: Person;
let far: { readonly url: string; readonly tokens: string[]; readonly server: Server };
beforeEach(async () => {
  home = realpathSync(mkdtempSync(join(tmpdir(), "countersign-installed-")));
  root = join(home, "root");
  mkdirSync(root);
  mkdirSync(join(home, ".cursor"));
  plane = await startControlPlane({ policy: POLICY });
  owner = personAt(() => plane.url, (await signInOwner(plane.url, plane.directory)).headers);
  far = await startFar();
});
afterEach(async () => {
  await plane.remove();
  far.server.closeAllConnections();
  await new Promise((resolve) => far.server.close(resolve));
  rmSync(home, { recursive: true });
});

/** A server at an address that knows its user by a header, and adds two numbers. */
async function startFar(): Promise<typeof far> {
  const tokens: string[] = [];
  const server = createServer((request, response) => void serve(request, response).catch(() => response.destroy())); // its caller may break off in the middle
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (request.method !== "POST") return void response.writeHead(405).end();
    tokens.push(String(request.headers.authorization));
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const { id, method, params } = JSON.parse(body) as { readonly id?: unknown; readonly method: string; readonly params?: { readonly arguments?: { readonly a: number; readonly b: number } } }; // the gateway's own words
    if (id === undefined) return void response.writeHead(202).end();
    const sum = (params?.arguments?.a ?? 0) + (params?.arguments?.b ?? 0);
    const results: Readonly<Record<string, object>> = {
      initialize: { protocolVersion: "2025-06-18", capabilities: { tools: {} }, serverInfo: { name: "far", version: "1" } },
      "tools/list": { tools: [{ name: "add", inputSchema: { type: "object" } }] },
      "tools/call": { content: [{ type: "text", text: `sum ${sum}` }] },
    };
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ jsonrpc: "2.0", id, result: results[method] ?? {} }));
  };
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`, tokens, server }; // a TCP server has one
}

interface Entry {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const file = (): string => join(home, ".cursor", "mcp.json");
const countersign = (...args: readonly string[]) => spawnSync(process.execPath, [COUNTERSIGN, "gateway", ...args], { encoding: "utf8", cwd: home, env: { PATH: process.env["PATH"] ?? "", HOME: home } });
const entries = (): Readonly<Record<string, Entry>> => (JSON.parse(readFileSync(file(), "utf8").replaceAll(/^\s*\/\/.*$/gm, "")) as { mcpServers: Record<string, Entry> }).mcpServers; // written by the test and by install

/** As a client does it: the command, the arguments and the environment of the entry, and little else. */
async function startAsClient(name: string): Promise<Client> {
  const { command = "", args = [], env = {} } = entries()[name] ?? {};
  const client = new Client({ name: "a client", version: "1" });
  await client.connect(new StdioClientTransport({ command, args: [...args], env: { PATH: process.env["PATH"] ?? "", HOME: home, COUNTERSIGN_DIR: plane.directory, ...env }, stderr: "ignore" }));
  return client;
}

const textOf = (result: unknown): string => JSON.stringify(result);

it("puts both behind the gateway, where calls are refused or approved by people, and takes it back to the byte", { tags: ["leaves-sockets", "leaves-processes"] }, async () => {
  const [command, ...args] = SERVERS.filesystem(root);
  const original = `{\n  // mine\n  "mcpServers": {\n    "files": { "command": ${JSON.stringify(command)}, "args": ${JSON.stringify(args)} },\n    "far": {\n      "url": ${JSON.stringify(far.url)},\n      "headers": { "Authorization": "Bearer ${TOKEN}" }\n    }\n  }\n}\n`;
  writeFileSync(file(), original);
  const installed = countersign("install", "cursor", "--yes");
  expect([installed.status, installed.stderr]).toEqual([0, ""]);
  expect(installed.stdout).not.toContain(TOKEN);
  expect(countersign("ls").stdout).toMatch(/^ {2}governed +files [\s\S]*^ {2}governed +far /m);
  expect(textOf(entries()["far"]?.args)).not.toContain(TOKEN);

  const files = await startAsClient("files");
  const write = files.callTool({ name: "write_file", arguments: { path: join(root, "a"), content: "x" } });
  const refused = await owner.sees("pending");
  expect(readdirSync(root)).toEqual([]);
  await owner.vote(refused, "deny");
  expect(textOf(await write)).toContain("A person denied it");
  const again = files.callTool({ name: "write_file", arguments: { path: join(root, "b"), content: "x" } });
  await owner.vote(await owner.sees("pending"));
  expect(textOf(await again)).toContain("Successfully wrote");
  expect(readdirSync(root)).toEqual(["b"]);
  await files.close();

  const remote = await startAsClient("far");
  const add = remote.callTool({ name: "add", arguments: { a: 2, b: 3 } });
  await owner.vote(await owner.sees("pending"));
  expect(textOf(await add)).toContain("sum 5");
  expect(new Set(far.tokens)).toEqual(new Set([`Bearer ${TOKEN}`]));
  await remote.close();

  const taken = countersign("uninstall", "cursor", "--yes");
  expect([taken.status, taken.stderr]).toEqual([0, ""]);
  expect(readFileSync(file(), "utf8")).toBe(original);
});
