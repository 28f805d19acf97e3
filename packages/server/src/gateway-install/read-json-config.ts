/** The MCP servers of a JSON or JSONC file, as places in its text. Called by client-kinds.ts. */
import { parseTree, printParseErrorCode, type Node, type ParseError } from "jsonc-parser";
import { lineAndColumn, lineBreakBefore, whyNoProgram, type Args, type ConfigProblem, type ReadConfig, type RemoteServer, type Server, type Span, type Word } from "./client-config.ts";
import { KEPT_ENTRY, readAddress } from "./govern-remote.ts";

export interface JsonShape {
  /** The key of the object that holds the servers. */
  readonly serversKey: "mcpServers" | "servers";
  /** Also under `projects`, each with servers of its own. */
  readonly hasProjects: boolean;
  /** The client reads strict JSON: comments and trailing commas keep it from reading the file. */
  readonly isStrict: boolean;
}

const REMOTE_KEYS = ["url", "serverUrl", "httpUrl"];
const REMOTE_TYPES = new Set(["http", "sse", "streamable-http", "streamableHttp", "ws", "websocket"]);

export function readJsonConfig(text: string, shape: JsonShape): ReadConfig {
  if (text.trim() === "") return { ok: true, servers: [], warnings: [] };
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, { allowTrailingComma: true });
  const [error] = errors;
  if (error !== undefined) return problemAt(text, error.offset, wordsOf(error));
  if (root?.type !== "object") return problemAt(text, root?.offset ?? 0, "an object is expected here");
  const servers: Server[] = [];
  for (const { node, project, disabled } of containersOf(root, shape)) {
    if (node.type !== "object") return problemAt(text, node.offset, `${shape.serversKey}: an object of servers is expected here`);
    const twice = firstTwice(node);
    // Clients take the last of two, people read the first: nobody knows which one is meant.
    if (twice !== undefined) return problemAt(text, twice.offset, `${JSON.stringify(keyOf(twice))} stands twice: remove one of them`);
    for (const property of node.children ?? []) servers.push(readServer(text, property, project, disabled));
  }
  const twice = firstTwice(root, shape.serversKey);
  if (twice !== undefined) return problemAt(text, twice.offset, `${JSON.stringify(shape.serversKey)} stands twice: make one of them`);
  return { ok: true, servers, warnings: shape.isStrict ? strictWarnings(text) : [] };
}

function problemAt(text: string, offset: number, message: string): ReadConfig {
  return { ok: false, problem: { ...lineAndColumn(text, offset), message } };
}

function wordsOf({ error }: ParseError): string {
  return printParseErrorCode(error)
    .replaceAll(/([a-z])([A-Z])/g, "$1 $2")
    .toLowerCase();
}

function strictWarnings(text: string): readonly ConfigProblem[] {
  const errors: ParseError[] = [];
  parseTree(text, errors, { allowTrailingComma: false, disallowComments: true });
  const [error] = errors;
  if (error === undefined) return [];
  const isComment = text.startsWith("/", error.offset);
  return [{ ...lineAndColumn(text, error.offset), message: `${isComment ? "a comment" : "a comma too many"}: this client reads strict JSON, and may not read the file as long as it stands here` }];
}

interface Container {
  readonly node: Node;
  readonly project: string | undefined;
  readonly disabled: ReadonlySet<string>;
}

function containersOf(root: Node, { serversKey, hasProjects }: JsonShape): readonly Container[] {
  const own = valueOf(root, serversKey);
  const found: Container[] = own === undefined ? [] : [{ node: own, project: undefined, disabled: new Set() }];
  const projects = hasProjects ? valueOf(root, "projects") : undefined;
  for (const property of projects?.type === "object" ? (projects.children ?? []) : []) {
    const [key, project] = property.children ?? [];
    const node = project?.type === "object" ? valueOf(project, serversKey) : undefined;
    if (project === undefined || node === undefined) continue;
    const disabled = valueOf(project, "disabledMcpServers");
    found.push({ node, project: String(key?.value), disabled: new Set((disabled?.children ?? []).map(({ value }) => String(value))) });
  }
  return found;
}

function readServer(text: string, property: Node, project: string | undefined, disabled: ReadonlySet<string>): Server {
  const entry = property.children?.[1];
  const name = keyOf(property);
  const flag = (key: string): unknown => (entry?.type === "object" ? valueOf(entry, key)?.value : undefined);
  const named = { name, project, at: property.offset, isDisabled: disabled.has(name) || flag("disabled") === true || flag("enabled") === false };
  const unclear = (why: string): Server => ({ ...named, kind: "unclear", why });
  if (name === "") return unclear("it has no name");
  if (entry?.type !== "object") return unclear("it is no object");
  const twice = firstTwice(entry);
  if (twice !== undefined) return unclear(`${JSON.stringify(keyOf(twice))} stands twice in it`);
  const command = propertyOf(entry, "command");
  const type = flag("type");
  if (REMOTE_KEYS.some((key) => valueOf(entry, key) !== undefined) || REMOTE_TYPES.has(String(type))) {
    return command === undefined ? readRemote(named, entry, text) : unclear("it has both a command and an address");
  }
  const program = command === undefined ? undefined : wordOf(command.children?.[1]);
  if (command === undefined || program === undefined) return unclear("it has no command that is a text");
  const why = whyNoProgram(program.value);
  if (why !== undefined) return unclear(why);
  const args = readArgs(propertyOf(entry, "args"));
  if (args === "unclear") return unclear("its args are no list of texts");
  const lineBreak = lineBreakBefore(text, command.offset);
  return {
    ...named,
    kind: "local",
    command: program,
    commandKeyStart: command.offset,
    args,
    addArgs: { key: '"args": ', between: lineBreak === undefined ? ", " : `,${lineBreak}` },
    env: (valueOf(entry, "env")?.children ?? []).map(keyOf),
    entry: spanOf(entry),
    keptEntry: keptIn(valueOf(entry, "env")),
  };
}

function readRemote(named: Omit<RemoteServer, "kind" | "entry" | "why">, entry: Node, text: string): RemoteServer {
  const span = spanOf(entry);
  const address = readAddress(text.slice(span.start, span.end));
  return typeof address === "string" ? { ...named, kind: "remote", entry: undefined, why: address } : { ...named, kind: "remote", entry: span, why: undefined };
}

function keptIn(env: Node | undefined): string | undefined {
  const kept: unknown = env?.type === "object" ? valueOf(env, KEPT_ENTRY)?.value : undefined;
  return typeof kept === "string" ? kept : undefined;
}

function spanOf({ offset, length }: Node): Span {
  return { start: offset, end: offset + length };
}

function readArgs(property: Node | undefined): Args | "unclear" | undefined {
  if (property === undefined) return undefined;
  const list = property.children?.[1];
  if (list?.type !== "array") return "unclear";
  const words = (list.children ?? []).map(wordOf);
  if (!words.every((word) => word !== undefined)) return "unclear";
  return { keyStart: property.offset, inside: list.offset + 1, close: list.offset + list.length - 1, words };
}

function wordOf(node: Node | undefined): Word | undefined {
  return node?.type === "string" ? { value: String(node.value), start: node.offset, end: node.offset + node.length } : undefined;
}

function keyOf(property: Node): string {
  return String(property.children?.[0]?.value);
}

function propertyOf(object: Node, key: string): Node | undefined {
  return object.children?.find((property) => keyOf(property) === key);
}

function valueOf(object: Node, key: string): Node | undefined {
  return propertyOf(object, key)?.children?.[1];
}

/** The second property of the same name. */
function firstTwice(object: Node, only?: string): Node | undefined {
  const seen = new Set<string>();
  return object.children?.find((property) => {
    const key = keyOf(property);
    if (only !== undefined && key !== only) return false;
    if (seen.has(key)) return true;
    seen.add(key);
    return false;
  });
}
