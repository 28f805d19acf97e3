/** Several servers as one, as their user has them: official servers, official clients of both lines, over stdio and over HTTP. */
import { appendFileSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Client as ClientV2, StreamableHTTPClientTransport as HttpV2 } from "@modelcontextprotocol/client";
import { StdioClientTransport as StdioV2 } from "@modelcontextprotocol/client/stdio";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport as StdioV1 } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport as HttpV1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { CreateMessageRequestSchema, ElicitRequestSchema, ToolListChangedNotificationSchema } from "@modelcontextprotocol/sdk/types.js";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startControlPlane } from "../control-plane/running-control-plane.ts";
import { signInOwner } from "../crash/fixture/installation.ts";
import { personAt } from "../crash/fixture/person.ts";
import { startHttpProgram, type HttpProgram } from "./http-gateway.ts";
import { COUNTERSIGN, SERVERS } from "./real-servers.ts";

const WITNESS = fileURLToPath(new URL("../mcp/fixture/witness-server.ts", import.meta.url));
const POLICY = "version: 1\ndefault: allow\npolicies:\n  - { name: writes, match: 'mcp:left:write_note', action: block, approval: never, reason: not on the left }\n";
const PATIENT = { timeout: 9_000 } as const;

let home: string;
let file: string;
const open: { close(): Promise<unknown> }[] = [];
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "countersign-joined-"));
  file = join(home, "countersign.yaml");
  writeFileSync(join(home, "policy.yaml"), POLICY);
});
afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close();
  rmSync(home, { recursive: true, force: true });
});

const ran = (name: string): readonly unknown[] => (existsSync(join(home, name)) ? readFileSync(join(home, name), "utf8").split("\n").filter((line) => line !== "").map((line) => JSON.parse(line) as unknown) : []);
const witness = (name: string): readonly string[] => [process.execPath, WITNESS, join(home, name), "stdio"];
const official = (): Readonly<Record<string, readonly string[]>> => ({ filesystem: SERVERS.filesystem(home), everything: SERVERS.everything(), memory: SERVERS.memory(), thinking: SERVERS.thinking() });
function configure(servers: Readonly<Record<string, readonly string[]>>, governed = "  policies: policy.yaml\n  controlPlane: none\n"): void {
  const lines = Object.entries(servers).map(([name, [command, ...args]]) => `    ${name}: ${JSON.stringify({ command, args, env: { MEMORY_FILE_PATH: join(home, "memory.json") } })}\n`);
  writeFileSync(join(home, "next.yaml"), `version: 1\ngateway:\n  listen: 127.0.0.1:0\n${governed}  servers:\n${lines.join("")}`);
  renameSync(join(home, "next.yaml"), file);
}
const args = (...more: readonly string[]): string[] => [COUNTERSIGN, "gateway", "--config", file, "--dir", join(home, "state"), ...more];
const env = { ...(process.env as Record<string, string>), COUNTERSIGN_URL: "", COUNTERSIGN_POLICIES: "" }; // texts, where they are set

async function startHttp(): Promise<HttpProgram> {
  const program = await startHttpProgram([process.execPath, ...args("--http")], env, /http:\/\/127\.0\.0\.1:\d+\/mcp\b/);
  open.push(program);
  return program;
}

/** Undefined: over stdio. */
const FRONTS: readonly (readonly [string, () => Promise<string | undefined>])[] = [
  ["over stdio", () => Promise.resolve(undefined)],
  ["over HTTP", () => startHttp().then(({ url }) => url)],
];

const CAPABILITIES = { elicitation: { form: {} }, sampling: {} } as const;
const INFO = { name: "client", version: "1" };

async function v1(url?: string): Promise<ClientV1> {
  const client = new ClientV1(INFO, { capabilities: CAPABILITIES });
  client.setRequestHandler(ElicitRequestSchema, () => ({ action: "accept", content: { name: "Ann" } }));
  client.setRequestHandler(CreateMessageRequestSchema, () => ({ role: "assistant", model: "none", content: { type: "text", text: "sampled" } }));
  await client.connect(url === undefined ? new StdioV1({ command: process.execPath, args: args(), env, stderr: "ignore" }) : new HttpV1(new URL(url)));
  open.push(client);
  return client;
}

async function v2(mode: "legacy" | "auto" | { readonly pin: string }, url?: string): Promise<ClientV2> {
  const client = new ClientV2(INFO, { capabilities: CAPABILITIES, versionNegotiation: { mode } });
  client.setRequestHandler("elicitation/create", () => ({ action: "accept" as const, content: { name: "Ann" } }));
  client.setRequestHandler("sampling/createMessage", () => ({ role: "assistant" as const, model: "none", content: { type: "text" as const, text: "sampled" } }));
  await client.connect(url === undefined ? new StdioV2({ command: process.execPath, args: args(), env, stderr: "ignore" }) : new HttpV2(new URL(url)));
  open.push(client);
  return client;
}

const said = (text: unknown): object => expect.objectContaining({ content: [expect.objectContaining({ text })] }) as object;

describe.each([
  ["v1 over stdio", () => v1()],
  ["v2 over stdio, finding out", () => v2("auto")],
  ["v1 over HTTP", async () => v1((await startHttp()).url)],
  ["v2 over HTTP, finding out", async () => v2("auto", (await startHttp()).url)],
] as const)("the four official servers for one client: %s", (_what, connect) => {
  it("lists and calls each, reads what they have, and lets them ask back", { tags: ["leaves-sockets", "leaves-processes"] }, async () => {
    configure(official());
    const client = await connect();
    const tools = (await client.listTools()).tools.map(({ name }) => name);
    expect(tools).toEqual(expect.arrayContaining(["filesystem__write_file", "everything__echo", "memory__read_graph", "thinking__sequentialthinking"]));
    const path = join(home, "note");
    expect(await client.callTool({ name: "filesystem__write_file", arguments: { path, content: "joined" } })).toEqual(said(expect.stringContaining("Successfully wrote")));
    expect(readFileSync(path, "utf8")).toBe("joined");
    expect(await client.callTool({ name: "everything__get-sum", arguments: { a: 2, b: 3 } })).toEqual(said(expect.stringContaining("5")));
    expect(await client.callTool({ name: "memory__create_entities", arguments: { entities: [{ name: "x", entityType: "y", observations: [] }] } })).not.toHaveProperty("isError", true);
    expect(JSON.stringify(await client.callTool({ name: "everything__trigger-elicitation-request", arguments: {} }))).toContain("Ann");
    expect(JSON.stringify(await client.callTool({ name: "everything__trigger-sampling-request", arguments: { prompt: "x", maxTokens: 5 } }))).toContain("sampled");
    const steps: number[] = [];
    await client.callTool({ name: "everything__trigger-long-running-operation", arguments: { duration: 0.2, steps: 2 } }, ...(client instanceof ClientV1 ? [undefined, { onprogress: ({ progress }: { progress: number }) => void steps.push(progress) }] as never[] : [{ onprogress: ({ progress }: { progress: number }) => void steps.push(progress) }] as never[]));
    expect(steps[0]).toBe(1); // clients drop what comes together with the answer
    const prompt = await client.getPrompt({ name: "everything__args-prompt", arguments: { city: "Bern" } });
    expect(JSON.stringify(prompt.messages)).toContain("Bern");
    const [first] = (await client.listResources()).resources;
    expect((await client.readResource({ uri: first?.uri ?? "" })).contents).toHaveLength(1);
    expect((await client.readResource({ uri: "demo://resource/dynamic/text/1" })).contents[0]).toMatchObject({ uri: "demo://resource/dynamic/text/1" });
    expect(await client.complete({ ref: { type: "ref/prompt", name: "everything__completable-prompt" }, argument: { name: "department", value: "E" } })).toMatchObject({ completion: { values: ["Engineering"] } });
    await client.setLoggingLevel("warning");
    expect(await client.callTool({ name: "echo", arguments: { message: "x" } })).toMatchObject({ isError: true });
  });
});

describe.each(FRONTS)("servers of both eras, without sessions, %s", (_what, start) => {
  it("are two of one name under policies of their own", { tags: ["leaves-sockets", "leaves-processes"] }, async () => {
    configure({ left: witness("left"), right: witness("right") });
    const client = await v2({ pin: "2026-07-28" }, await start());
    expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(expect.arrayContaining(["left__write_note", "right__write_note"]));
    expect(await client.callTool({ name: "left__write_note", arguments: { note: "a" } })).toMatchObject({ isError: true, content: [{ text: expect.stringContaining("not on the left") as unknown }] });
    expect(await client.callTool({ name: "right__write_note", arguments: { note: "b" } })).toEqual(said("wrote b"));
    expect([ran("left"), ran("right")]).toEqual([[], ["b"]]);
  });
});

it("a held call of one is approved by its owner and runs once; the others go on meanwhile", { tags: ["leaves-sockets", "leaves-processes"] }, async () => {
  const plane = await startControlPlane({ policy: POLICY.replace("approval: never, ", "") });
  try {
    const { headers } = await signInOwner(plane.url, plane.directory);
    const owner = personAt(() => plane.url, headers);
    configure({ left: witness("left"), right: witness("right") }, "");
    const program = await startHttpProgram([process.execPath, COUNTERSIGN, "gateway", "--config", file, "--http", "--dir", plane.directory], env, /http:\/\/127\.0\.0\.1:\d+\/mcp\b/);
    open.push(program);
    const client = await v1(program.url);
    const held = client.callTool({ name: "left__write_note", arguments: { note: "held" } });
    const request = await owner.sees("pending");
    expect(await client.callTool({ name: "right__write_note", arguments: { note: "free" } })).toEqual(said("wrote free"));
    expect(await owner.vote(request)).toBe(200);
    expect(await held).toEqual(said("wrote held"));
    expect([ran("left"), ran("right")]).toEqual([["held"], ["free"]]);
    expect(await owner.detail(request.id)).toMatchObject({ server: "left", tool: "write_note" });
    for (const one of open.splice(0).toReversed()) await one.close();
  } finally {
    await plane.remove();
  }
});

describe.each(FRONTS)("while the client is there, %s", (_what, start) => {
  it("servers come and go with the file, and one that is killed comes back: its client is told, and the others notice nothing", { tags: ["leaves-sockets", "leaves-processes"] }, async () => {
    const noted = (name: string): readonly string[] => ["/bin/sh", "-c", `echo $$ >> ${join(home, `${name}.pid`)}; exec "$0" "$@"`, ...witness(name)];
    configure({ left: noted("left"), right: noted("right") });
    const client = await v1(await start());
    let changes = 0;
    client.setNotificationHandler(ToolListChangedNotificationSchema, () => void (changes += 1));
    const servers = async (): Promise<readonly string[]> => [...new Set((await client.listTools()).tools.map(({ name }) => name.split("__")[0] ?? ""))];
    const pids = (name: string): readonly number[] => readFileSync(join(home, `${name}.pid`), "utf8").trim().split("\n").map(Number);
    expect(await servers()).toEqual(["left", "right"]);

    const before = changes;
    process.kill(pids("right").at(-1) ?? 0, "SIGKILL");
    await expect.poll(() => changes, PATIENT).toBeGreaterThan(before);
    expect(await client.callTool({ name: "left__read_notes", arguments: {} })).toEqual(said("none"));
    await expect.poll(() => pids("right").length, PATIENT).toBe(2);
    await expect.poll(servers, PATIENT).toEqual(["left", "right"]);

    configure({ left: noted("left"), more: noted("more") });
    await expect.poll(servers, PATIENT).toEqual(["left", "more"]);
    expect(await client.callTool({ name: "more__write_note", arguments: { note: "new" } })).toEqual(said("wrote new"));
    expect(await client.callTool({ name: "right__read_notes", arguments: {} })).toMatchObject({ isError: true });
    appendFileSync(file, "  broken: [\n");
    await new Promise((resolve) => setTimeout(resolve, 800));
    expect(await servers()).toEqual(["left", "more"]);
    expect([pids("left").length, changes > before + 1]).toEqual([1, true]);
  });
});
