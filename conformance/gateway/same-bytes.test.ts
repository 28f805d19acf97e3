/** The official servers behave the same behind the gateway, in whichever front: every line they say is compared with what they say without it, byte for byte. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { startFixtureHttp } from "../mcp/fixture-server.ts";
import { startHttpGateway, type HttpProgram, type Upstream } from "./http-gateway.ts";
import { startHttpPeer } from "./http-peer.ts";
import { ALL_CAPABILITIES, ALLOW_ALL, answerAsClient, gatewayAt, gatewayBefore, initializeParams, SERVERS } from "./real-servers.ts";
import { startEverything } from "./remote-servers.ts";
import { read, startPeer, type LinePeer } from "./stdio-peer.ts";

let home: string;
let root: string;
let policies: string;

beforeAll(() => {
  home = realpathSync(mkdtempSync(join(tmpdir(), "countersign-same-")));
  root = join(home, "root");
  policies = join(home, "allow.yaml");
  writeFileSync(policies, ALLOW_ALL);
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

type Asked = readonly [method: string, params?: object];
const call = (name: string, args: object = {}, meta?: object): Asked => ["tools/call", { name, arguments: args, ...(meta === undefined ? {} : { _meta: meta }) }];

const alone = (): readonly string[] => ["--policies", policies, "--no-control-plane", "--dir", join(home, "state")];
const memory = (): NodeJS.ProcessEnv => ({ MEMORY_FILE_PATH: join(root, "memory.jsonl") });

function layOut(): void {
  rmSync(root, { recursive: true, force: true });
  mkdirSync(join(root, "sub"), { recursive: true });
  writeFileSync(join(root, "a.txt"), "one\ntwo é\u2028three\n");
}

/** Everything that a server says to these requests, made one after the other. */
async function dialogue(command: readonly string[], asked: readonly Asked[]): Promise<Dialogue> {
  layOut();
  return dialogueWith(startPeer(command, { answer: answerAsClient, env: memory() }), asked);
}

/** The same, with the gateway before it over HTTP. */
async function dialogueOverHttp(upstream: Upstream, asked: readonly Asked[]): Promise<Dialogue> {
  layOut();
  const gateway = await startHttpGateway(upstream, alone(), memory());
  try {
    return await dialogueWith(startHttpPeer(gateway.url, answerAsClient), asked);
  } finally {
    await gateway.close();
  }
}

interface Dialogue {
  readonly lines: readonly string[];
  readonly code: number | null;
}

async function dialogueWith(peer: LinePeer, asked: readonly Asked[]): Promise<Dialogue> {
  try {
    await peer.ask("init", "initialize", initializeParams(ALL_CAPABILITIES));
    peer.send({ jsonrpc: "2.0", method: "notifications/initialized" });
    await settled(peer);
    let id = 0;
    for (const [method, params] of asked) await peer.ask((id += 1), method, params);
    return { lines: [...peer.lines], code: await peer.end() };
  } finally {
    await peer.kill();
  }
}

/** What a server asks of its own accord at the beginning (roots) has been asked and answered. */
async function settled(peer: LinePeer): Promise<void> {
  await peer.ask("settled", "ping");
  await peer.heard(({ method }) => method === "roots/list", 500).catch(() => "");
  await peer.ask("settled too", "ping");
}

/** Notifications come when they come; answers and what the server asks come in the order of the requests. */
const steady = (lines: readonly string[]): readonly string[] => lines.filter((line) => read(line)["id"] !== undefined).map((line) => line.replace(/\n+$/, "")); // a line's end may stand in a body, too
const progress = (lines: readonly string[]): readonly string[] => lines.filter((line) => read(line)["method"] === "notifications/progress").map((line) => line.trimEnd());

const filesIn = (directory: string): readonly string[] => readdirSync(directory, { recursive: true, encoding: "utf8" }).toSorted();

async function compare(command: readonly string[], asked: readonly Asked[]): Promise<readonly string[]> {
  const direct = await dialogue(command, asked);
  const files = filesIn(root);
  const governed = await dialogue(gatewayBefore(command, alone()), asked);
  expect(steady(governed.lines)).toEqual(steady(direct.lines));
  expect(progress(governed.lines)).toEqual(progress(direct.lines));
  expect(filesIn(root)).toEqual(files);
  const overHttp = await dialogueOverHttp({ command }, asked);
  expect(steady(overHttp.lines)).toEqual(steady(direct.lines));
  expect(progress(overHttp.lines)).toEqual(progress(direct.lines));
  expect(filesIn(root)).toEqual(files);
  expect(steady(direct.lines).length).toBeGreaterThanOrEqual(asked.length + 3);
  return steady(governed.lines);
}

it("server-filesystem: lists, results and errors", async () => {
  const at = (name: string): string => join(root, name);
  const lines = await compare(SERVERS.filesystem(root), [
    ["tools/list"],
    ["tools/list", { cursor: "nowhere" }],
    call("read_text_file", { path: at("a.txt") }),
    call("read_text_file", { path: at("a.txt"), head: 1.0 }),
    call("read_text_file", { path: "/etc/passwd" }),
    call("read_text_file", {}),
    call("write_file", { path: at("b.txt"), content: "\u0000 \u2028 é \ud83d\ude00 \\ \" \n".repeat(50) }),
    call("read_file", { path: at("b.txt") }),
    call("edit_file", { path: at("b.txt"), edits: [{ oldText: "é", newText: "e" }], dryRun: false }),
    call("create_directory", { path: at("new/deep") }),
    call("move_file", { source: at("b.txt"), destination: at("new/c.txt") }),
    call("list_directory", { path: root }),
    call("directory_tree", { path: root }),
    call("search_files", { path: root, pattern: "**/*.txt" }),
    call("list_allowed_directories"),
    ["resources/list"],
    ["nothing/known", { a: 1 }],
    ["ping"],
  ]);
  expect(lines.join("")).toContain("Access denied");
  expect(readFileSync(join(root, "new/c.txt"), "utf8")).toContain("\u2028");
});

const EVERYTHING: readonly Asked[] = [
  ["tools/list"],
  ["prompts/list"],
  ["resources/list"],
  ["resources/templates/list"],
  ["prompts/get", { name: "simple-prompt" }],
  ["completion/complete", { ref: { type: "ref/prompt", name: "completable-prompt" }, argument: { name: "department", value: "" } }],
  call("echo", { message: "héllo \u2028 there" }),
  call("echo", {}),
  call("get-sum", { a: 1e21, b: -0.5 }),
  call("get-sum", { a: "no", b: 1 }),
  call("get-tiny-image"),
  call("get-annotated-message", { messageType: "error", includeImage: true }),
  call("get-structured-content", { location: "New York" }),
  call("get-resource-links", { count: 3 }),
  call("trigger-long-running-operation", { duration: 0.2, steps: 2 }, { progressToken: "p1" }),
  call("trigger-sampling-request", { prompt: "say", maxTokens: 10 }),
  call("trigger-elicitation-request"),
  call("get-roots-list"),
];

it("server-everything: lists, all kinds of content, progress, sampling, elicitation, roots, prompts, resources and errors", async () => {
  const lines = await compare(SERVERS.everything(), EVERYTHING);
  expect(lines.filter((line) => /"method":"(?:sampling|elicitation)\/create/.test(line))).toHaveLength(2);
});

it("server-memory and server-sequential-thinking: lists and results", async () => {
  await compare(SERVERS.memory(), [
    ["tools/list"],
    call("create_entities", { entities: [{ name: "é", entityType: "t", observations: ["o"] }] }),
    call("create_relations", { relations: [{ from: "é", to: "é", relationType: "is" }] }),
    call("read_graph"),
    call("search_nodes", { query: "é" }),
    call("delete_entities", { entityNames: ["é"] }),
    call("create_entities", { entities: "no" }),
  ]);
  await compare(SERVERS.thinking(), [["tools/list"], call("sequentialthinking", { thought: "x", nextThoughtNeeded: false, thoughtNumber: 1, totalThoughts: 1 }), call("sequentialthinking", {})]);
});

describe("at an address", () => {
  const servers: HttpProgram[] = [];
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.close();
  });
  const started = async (server: Promise<HttpProgram>): Promise<string> => {
    servers.push(await server);
    return (await server).url;
  };
  /** With a server of its own each, where one remembers what it was asked. */
  const throughGateway = (url: string, asked: readonly Asked[]): Promise<Dialogue> =>
    dialogueWith(startPeer(gatewayAt(url, alone()), { answer: answerAsClient }), asked);

  it("server-everything over Streamable HTTP, in front of standard streams: the same as spoken to itself", async () => {
    const url = await started(startEverything("streamableHttp"));
    const direct = await dialogueWith(startHttpPeer(url, answerAsClient), EVERYTHING);
    const governed = await throughGateway(url, EVERYTHING);
    expect(steady(governed.lines)).toEqual(steady(direct.lines));
    expect(progress(governed.lines)).toEqual(progress(direct.lines));
    expect(steady(direct.lines).filter((line) => /"method":"(?:sampling|elicitation)\/create/.test(line))).toHaveLength(2);
    expect(steady(direct.lines).length).toBeGreaterThanOrEqual(EVERYTHING.length + 3);
  });

  it("server-everything over Streamable HTTP, with HTTP in front: the same as spoken to itself", async () => {
    const url = await started(startEverything("streamableHttp"));
    const direct = await dialogueWith(startHttpPeer(url, answerAsClient), EVERYTHING);
    const governed = await dialogueOverHttp({ url }, EVERYTHING);
    expect(steady(governed.lines)).toEqual(steady(direct.lines));
    expect(progress(governed.lines)).toEqual(progress(direct.lines));
    expect(steady(direct.lines).length).toBeGreaterThanOrEqual(EVERYTHING.length + 3);
  });

  it("server-everything over server-sent events: the same as over its standard streams", async () => {
    const direct = await dialogue(SERVERS.everything(), EVERYTHING);
    const governed = await throughGateway(await started(startEverything("sse")), EVERYTHING);
    expect(steady(governed.lines)).toEqual(steady(direct.lines));
    expect(progress(governed.lines)).toEqual(progress(direct.lines));
  });

  it("a server that closes its streams while it works: what it says later is heard, and the same", async () => {
    const asked: readonly Asked[] = [["tools/list"], ["resources/list"], ["prompts/list"], ...["test_simple_text", "test_image_content", "test_multiple_content_types", "test_tool_with_logging", "test_error_handling", "test_reconnection", "test_sampling", "no_such_tool"].map((name) => call(name, { prompt: "p" })), call("test_tool_with_progress", {}, { progressToken: "p" })];
    const url = await started(startFixtureHttp());
    const governed = await throughGateway(url, asked);
    const answers = governed.lines.map(read).filter(({ id, method }) => typeof id === "number" && method === undefined);
    expect(answers.map(({ id }) => id)).toEqual(asked.map((_, at) => at + 1));
    expect(governed.lines.join("")).toContain("answered after the stream was closed");
  });
});
