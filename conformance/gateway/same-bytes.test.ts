/** The official servers behave the same behind the gateway: every line they say is compared with what they say without it, byte for byte. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ALL_CAPABILITIES, ALLOW_ALL, answerAsClient, gatewayBefore, initializeParams, SERVERS } from "./real-servers.ts";
import { read, startPeer, type StdioPeer } from "./stdio-peer.ts";

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

/** Everything that a server says to these requests, made one after the other. */
async function dialogue(command: readonly string[], asked: readonly Asked[]): Promise<{ readonly lines: readonly string[]; readonly code: number | null }> {
  rmSync(root, { recursive: true, force: true });
  mkdirSync(join(root, "sub"), { recursive: true });
  writeFileSync(join(root, "a.txt"), "one\ntwo é\u2028three\n");
  const peer = startPeer(command, { answer: answerAsClient, env: { MEMORY_FILE_PATH: join(root, "memory.jsonl") } });
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
async function settled(peer: StdioPeer): Promise<void> {
  await peer.ask("settled", "ping");
  await peer.heard(({ method }) => method === "roots/list", 500).catch(() => "");
  await peer.ask("settled too", "ping");
}

/** Notifications come when they come; answers and what the server asks come in the order of the requests. */
const steady = (lines: readonly string[]): readonly string[] => lines.filter((line) => read(line)["id"] !== undefined);
const progress = (lines: readonly string[]): readonly string[] => lines.filter((line) => read(line)["method"] === "notifications/progress");

const filesIn = (directory: string): readonly string[] => readdirSync(directory, { recursive: true, encoding: "utf8" }).toSorted();

async function compare(command: readonly string[], asked: readonly Asked[]): Promise<readonly string[]> {
  const direct = await dialogue(command, asked);
  const files = filesIn(root);
  const governed = await dialogue(gatewayBefore(command, ["--policies", policies, "--no-control-plane", "--dir", join(home, "state")]), asked);
  expect(steady(governed.lines)).toEqual(steady(direct.lines));
  expect(progress(governed.lines)).toEqual(progress(direct.lines));
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

it("server-everything: lists, all kinds of content, progress, sampling, elicitation, roots, prompts, resources and errors", async () => {
  const lines = await compare(SERVERS.everything(), [
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
  ]);
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
