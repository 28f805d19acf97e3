/**
 * The MCP servers of a TOML file (`[mcp_servers.NAME]`), as places in its text, however they are written: as tables, with dotted keys,
 * inline. Called by client-kinds.ts.
 */
import { ParseError, parseTOML, type AST } from "toml-eslint-parser";
import { lineAndColumn, lineBreakBefore, whyNoProgram, type Args, type LocalServer, type ReadConfig, type Server, type Word } from "./client-config.ts";

const SERVERS = "mcp_servers";

export function readTomlConfig(text: string): ReadConfig {
  let program: AST.TOMLProgram;
  try {
    program = parseTOML(text, { tomlVersion: "1.1.0" });
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    return { ok: false, problem: { line: error.lineNumber, column: error.column + 1, message: error.message } };
  }
  const found = new Map<string, Found>();
  const [{ body }] = program.body;
  for (const item of body) {
    if (item.type === "TOMLKeyValue") collect(item, [], false, found);
    else {
      touch(item.resolvedKey, item.range[0], found);
      for (const pair of item.body) collect(pair, item.resolvedKey, false, found);
    }
  }
  const whole = found.get("");
  if (whole !== undefined) return { ok: false, problem: { ...lineAndColumn(text, whole.at), message: `${SERVERS}: a table of servers is expected here` } };
  return { ok: true, servers: [...found].map(([name, facts]) => toServer(text, name, facts)), warnings: [] };
}

type Path = readonly (string | number)[];

/** What was found of one server, by the name of its key. */
interface Found {
  readonly at: number;
  readonly values: Map<string, Pair>;
  readonly env: string[];
  isNoTable: boolean;
}

interface Pair {
  readonly node: AST.TOMLKeyValue;
  readonly isInline: boolean;
}

function touch(path: Path, at: number, found: Map<string, Found>): Found | undefined {
  const [first, name] = path;
  if (first !== SERVERS || name === undefined) return undefined;
  // `[[mcp_servers]]`: a list of tables.
  const key = typeof name === "string" ? name : "";
  const known = found.get(key);
  if (known !== undefined) {
    known.isNoTable ||= typeof path[2] === "number";
    return known;
  }
  const fresh: Found = { at, values: new Map(), env: [], isNoTable: typeof path[2] === "number" };
  found.set(key, fresh);
  return fresh;
}

/** Goes down into inline tables: `fs = { command = "npx" }` says the same as a table. */
function collect(pair: AST.TOMLKeyValue, under: Path, isInline: boolean, found: Map<string, Found>): void {
  const path = [...under, ...pair.key.keys.map((key) => (key.type === "TOMLBare" ? key.name : key.value))];
  const server = touch(path, pair.range[0], found);
  if (pair.value.type === "TOMLInlineTable") {
    for (const inner of pair.value.body) collect(inner, path, true, found);
    return;
  }
  if (path[0] === SERVERS && path.length === 1) touch([SERVERS, 0], pair.range[0], found);
  const [, , key, ...rest] = path;
  if (server === undefined) return;
  if (key === undefined) server.isNoTable = true;
  else if (key === "env") server.env.push(String(rest[0]));
  else if (rest.length === 0) server.values.set(String(key), { node: pair, isInline });
}

function toServer(text: string, name: string, { at, values, env, isNoTable }: Found): Server {
  const enabled = values.get("enabled")?.node.value;
  const named = { name, project: undefined, at, isDisabled: enabled?.type === "TOMLValue" && enabled.value === false };
  const unclear = (why: string): Server => ({ ...named, kind: "unclear", why });
  if (isNoTable) return unclear("it is no table");
  const command = values.get("command");
  if (values.has("url")) return command === undefined ? { ...named, kind: "remote", entry: undefined, why: "of Codex only programs are governed yet, no addresses" } : unclear("it has both a command and an address");
  const program = command === undefined ? undefined : wordOf(command.node.value);
  if (command === undefined || program === undefined) return unclear("it has no command that is a text");
  const why = whyNoProgram(program.value);
  if (why !== undefined) return unclear(why);
  const args = readArgs(values.get("args")?.node);
  if (args === "unclear") return unclear("its args are no list of texts");
  return { ...named, kind: "local", command: program, commandKeyStart: command.node.range[0], args, addArgs: howToAdd(text, command), env };
}

/** A dotted key keeps what stands before its last part. */
function howToAdd(text: string, { node, isInline }: Pair): LocalServer["addArgs"] {
  const [start] = node.range;
  const before = text.slice(start, node.key.keys.at(-1)?.range[0] ?? start);
  return { key: `${before}args = `, between: isInline ? ", " : (lineBreakBefore(text, start) ?? (text.includes("\r\n") ? "\r\n" : "\n")) };
}

function readArgs(pair: AST.TOMLKeyValue | undefined): Args | "unclear" | undefined {
  if (pair === undefined) return undefined;
  if (pair.value.type !== "TOMLArray") return "unclear";
  const words = pair.value.elements.map(wordOf);
  if (!words.every((word) => word !== undefined)) return "unclear";
  return { keyStart: pair.range[0], inside: pair.value.range[0] + 1, close: pair.value.range[1] - 1, words };
}

function wordOf(node: AST.TOMLContentNode): Word | undefined {
  return node.type === "TOMLValue" && node.kind === "string" ? { value: node.value, start: node.range[0], end: node.range[1] } : undefined;
}
