/**
 * The change that is made to a remote server in a JSON file: the entry becomes one that starts a gateway before that address. Headers, and an
 * address with a secret in it, go into the entry's `env`, never into the arguments, which every user of the machine can list. The entry
 * that was there is kept in `env` too, as it was written, so that undoing needs nothing else and gives back every byte.
 */
import { isDeepStrictEqual } from "node:util";
import { parse, parseTree, type Node, type ParseError } from "jsonc-parser";
import { lineBreakBefore, type LocalServer, type RemoteServer } from "./client-config.ts";
import { policyName, type Edit, type Launcher } from "./govern-server.ts";

/** Holds the entry that was there, in base64. */
export const KEPT_ENTRY = "COUNTERSIGN_ENTRY";
const HEADER = "COUNTERSIGN_HEADER_";
const ADDRESS = "COUNTERSIGN_SERVER_URL";

const REPLACED = new Set(["type", "url", "headers"]);
/** What a gateway in front could not do in the client's place. */
const FOREIGN: Readonly<Record<string, string>> = {
  oauth: "its client signs in there itself: remove `oauth`, and sign in with `countersign gateway login`",
  auth: "its client signs in there itself: remove `auth`, and sign in with `countersign gateway login`",
  headersHelper: "a program makes its headers, which a gateway does not start",
  serverUrl: "it has `serverUrl`, and only `url` is understood",
  httpUrl: "it has `httpUrl`, and only `url` is understood",
  args: "it has both an address and `args`",
  env: "it has both an address and `env`",
  envFile: "it has both an address and `envFile`",
};
const TRANSPORTS: Readonly<Record<string, string | undefined>> = { http: "http", streamableHttp: "http", "streamable-http": "http", sse: "sse" };
/** As gateway/upstream/remote/remote-server.ts, which refuses them. */
const OWN_HEADERS = /^(?:host|connection|keep-alive|transfer-encoding|content-length|content-type|content-encoding|accept|accept-encoding|expect|te|trailer|upgrade|last-event-id|mcp-.*|proxy-.*)$/i;
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** What an entry says of its server. */
interface Address {
  readonly url: string;
  readonly transport: string | undefined;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Properties that stay, as they are written. */
  readonly others: readonly string[];
}

/** `text`: of the entry alone. In words, why no gateway can stand before it. */
export function readAddress(text: string): Address | string {
  const entry = parseTree(text, [], { allowTrailingComma: true });
  const properties = entry?.children ?? [];
  const keys = properties.map(keyOf);
  for (const key of keys) if (Object.hasOwn(FOREIGN, key)) return FOREIGN[key] ?? key;
  const url: unknown = valueAt(properties, "url")?.value;
  const type: unknown = valueAt(properties, "type")?.value;
  if (typeof url !== "string" || url === "") return "its url is no text";
  if (type !== undefined && (typeof type !== "string" || TRANSPORTS[type] === undefined)) return "its type is no transport of a gateway";
  const headers = readHeaders(valueAt(properties, "headers"));
  if (typeof headers === "string") return headers;
  const others = properties.filter((property) => !REPLACED.has(keyOf(property))).map(({ offset, length }) => text.slice(offset, offset + length));
  return { url, transport: typeof type === "string" ? TRANSPORTS[type] : undefined, headers, others };
}

function readHeaders(node: Node | undefined): Address["headers"] | string {
  if (node === undefined) return [];
  if (node.type !== "object") return "its headers are no object";
  const pairs: (readonly [string, string])[] = [];
  for (const property of node.children ?? []) {
    const name = keyOf(property);
    const value: unknown = property.children?.[1]?.value;
    if (typeof value !== "string" || value.trim() === "") return "its headers are no texts";
    if (!TOKEN.test(name) || OWN_HEADERS.test(name)) return "it has a header that a gateway sets itself";
    pairs.push([name, value]);
  }
  return pairs;
}

/** Secrets stand behind a question mark, or are put in by the client. */
function isPlain(url: string): boolean {
  return URL.canParse(url) && !/[?#@$]/.test(url);
}

export interface GovernedRemote {
  readonly words: readonly string[];
  readonly env: readonly (readonly [name: string, value: string])[];
}

export function governedRemote(name: string, { url, transport, headers }: Address, original: string, launcher: Launcher): GovernedRemote {
  const named = headers.map(([header, value], index) => ({ header, variable: `${HEADER}${index + 1}`, value }));
  const address = isPlain(url) ? ["--url", url] : ["--url-env", ADDRESS];
  return {
    words: [...launcher, "gateway", "--name", policyName(name), ...address, ...(transport === undefined ? [] : ["--transport", transport]), ...named.flatMap(({ header, variable }) => ["--header-env", `${header}=${variable}`])],
    env: [...(isPlain(url) ? [] : [[ADDRESS, url] as const]), ...named.map(({ variable, value }) => [variable, value] as const), [KEPT_ENTRY, Buffer.from(original, "utf8").toString("base64")]],
  };
}

/** The entry as it is written for a gateway. `lineBreak`: before each of its keys, where they have lines of their own. */
function writeEntry(name: string, original: string, launcher: Launcher, lineBreak: string | undefined): string | undefined {
  const address = readAddress(original);
  if (typeof address === "string") return undefined;
  const { words, env } = governedRemote(name, address, original, launcher);
  const [command = "", ...args] = words;
  const pairs = [`"command": ${JSON.stringify(command)}`, `"args": [${args.map((word) => JSON.stringify(word)).join(", ")}]`, `"env": { ${env.map(([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(value)}`).join(", ")} }`, ...address.others];
  const indent = lineBreak ?? " ";
  const end = lineBreak === undefined ? " " : (/[\r\n]+[ \t]*(?=\}$)/.exec(original)?.[0] ?? lineBreak);
  return `{${indent}${pairs.join(`,${lineBreak ?? " "}`)}${end}}`;
}

function lineBreakIn(original: string): string | undefined {
  const first = parseTree(original, [], { allowTrailingComma: true })?.children?.[0];
  return first === undefined ? undefined : lineBreakBefore(original, first.offset);
}

export function governRemote(text: string, { name, entry }: RemoteServer, launcher: Launcher): readonly Edit[] {
  if (entry === undefined) return [];
  const original = text.slice(entry.start, entry.end);
  const written = writeEntry(name, original, launcher, lineBreakIn(original));
  return written === undefined ? [] : [{ start: entry.start, end: entry.end, text: written }];
}

/**
 * The entry that was there before a gateway was put before its address; undefined where the entry is none of those, or was changed since:
 * then what is in it is somebody's own.
 */
export function keptRemote(text: string, { name, entry, command, args, keptEntry }: LocalServer): string | undefined {
  if (keptEntry === undefined || entry === undefined) return undefined;
  const original = Buffer.from(keptEntry, "base64").toString("utf8");
  const words = [command.value, ...(args?.words ?? []).map(({ value }) => value)];
  const [first = "", ...rest] = words.slice(0, words.indexOf("gateway"));
  const written = writeEntry(name, original, [first, ...rest], lineBreakIn(original));
  const now = text.slice(entry.start, entry.end);
  return written !== undefined && (written === now || saysTheSame(written, now)) ? original : undefined;
}

/** Clients write their files anew, in their own layout: that is nobody's change. A comment is. */
function saysTheSame(written: string, now: string): boolean {
  const errors: ParseError[] = [];
  const value: unknown = parse(now, errors, { allowTrailingComma: true, disallowComments: true });
  return errors.length === 0 && isDeepStrictEqual(value, parse(written, [], { allowTrailingComma: true }));
}

export function releaseRemote(text: string, server: LocalServer): readonly Edit[] {
  const original = keptRemote(text, server);
  return original === undefined || server.entry === undefined ? [] : [{ ...server.entry, text: original }];
}

function keyOf(property: Node): string {
  return String(property.children?.[0]?.value);
}

function valueAt(properties: readonly Node[], key: string): Node | undefined {
  return properties.find((property) => keyOf(property) === key)?.children?.[1];
}
