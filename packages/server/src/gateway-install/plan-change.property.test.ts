// Configurations nobody would write by hand: any layout, comments, escapes, unknown keys, both formats.
import fc from "fast-check";
import { expect, it } from "vitest";
import type { ClientId } from "./client-files.ts";
import { CLIENT_KINDS } from "./client-kinds.ts";
import { governingOf, type Launcher } from "./govern-server.ts";
import { openConfig, planInstall, planUninstall, type ConfigText } from "./plan-change.ts";

const all = (): boolean => true;

/** Text that no terminal and no parser of TOML refuses; half a character is no text. */
const anyText = fc.string({ unit: "grapheme", maxLength: 12 });
const name = fc.oneof(fc.constantFrom("fs", "my server", "команда", "a.b", "x\"y'z", "constructor", "__proto__", "--name", "gateway"), anyText.filter((text) => text !== ""));
const word = fc.oneof(fc.constantFrom("-y", "--", "gateway", "C:\\x", "${input:k}", "--name=x", '"', "'", ""), anyText);
// One word that starts with no slash is a line for a shell.
const program = fc.oneof(fc.constantFrom("npx", "/opt/my server/run", "C:\\Program Files\\n.exe", "\\\\host\\s p", "文件"), anyText.map((text) => `/${text}`));
const server = fc.record({ name, program, args: fc.option(fc.array(word, { maxLength: 4 })), env: fc.option(fc.dictionary(fc.stringMatching(/^[A-Z]{1,4}$/), anyText, { maxKeys: 2, noNullPrototype: true })), isOff: fc.boolean(), isRemote: fc.boolean(), commandLast: fc.boolean() });
const servers = fc.uniqueArray(server, { selector: (one) => one.name, maxLength: 4 });
type Written = typeof server extends fc.Arbitrary<infer Value> ? Value : never;

/** Draws one of a list again and again, as fast-check chose. */
function chooser(picks: readonly number[]): <T>(...of: readonly T[]) => T {
  let at = 0;
  return (...of) => {
    const pick = picks[at++ % picks.length] ?? 0;
    const chosen = of[pick % of.length];
    if (chosen === undefined) throw new Error("nothing to choose from");
    return chosen;
  };
}

type Choose = ReturnType<typeof chooser>;

function jsonText(choose: Choose, list: readonly Written[], eol: string): string {
  const gap = (): string => choose("", " ", `${eol}  `, `${eol}\t\t`, `/* "args": [ */`, ` // "command": "no"${eol} `, `${eol}${eol}`);
  const string = (text: string): string => (choose(true, false, false) ? `"${text.replaceAll(/[^]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)}"` : JSON.stringify(text));
  const join = (opening: string, items: readonly string[], closing: string): string => `${opening}${items.map((item) => gap() + item + gap()).join(",")}${items.length > 0 && choose(true, false) ? `,${gap()}` : gap()}${closing}`;
  const pair = (key: string, value: string): string => `${string(key)}${gap()}:${gap()}${value}`;
  const entry = ({ program: command, args, env, isOff, isRemote, commandLast }: Written): string => {
    const start = isRemote ? pair("url", string(choose("https://x", "https://x/?key=1", "${input:u}"))) : pair("command", string(command));
    const rest = [...(args === null ? [] : [pair("args", join("[", args.map(string), "]"))]), ...(env === null ? [] : [pair("env", join("{", Object.entries(env).map(([key, value]) => pair(key, string(value))), "}"))]), ...(isRemote && choose(true, false) ? [pair("headers", join("{", [pair("Authorization", string(choose("Bearer x", "${input:k}")))], "}"))] : []), pair("disabled", String(isOff)), pair("unknown", '{ "args": ["x"], "command": "y" }')];
    return join("{", commandLast ? [...rest, start] : [start, ...rest], "}");
  };
  const held = join("{", list.map((one) => pair(one.name, entry(one))), "}");
  return gap() + join("{", [pair("before", "[1, 2.50, true]"), pair("mcpServers", held), pair("after", '{ "mcpServers": {} }')], "}") + gap();
}

function tomlText(choose: Choose, list: readonly Written[], eol: string): string {
  const string = (text: string): string => {
    const plain = !/['\p{Cc}]/u.test(text);
    const basic = JSON.stringify(text).replaceAll("\u007F", "\\u007F");
    return choose(plain, false) ? `'${text}'` : choose(true, false) && !/["\\\p{Cc}]/u.test(text) && text !== "" ? `"""${text}"""` : basic;
  };
  const key = (text: string): string => (/^[\w-]+$/.test(text) && choose(true, false) ? text : JSON.stringify(text).replaceAll("\u007F", "\\u007F"));
  const gap = (): string => choose("", " ", eol, `${eol}  # "x", ]${eol}  `);
  const array = (items: readonly string[]): string => `[${items.map((item) => gap() + item + gap()).join(",")}${items.length > 0 && choose(true, false) ? "," : ""}${gap()}]`;
  const end = (): string => choose("", " # command = 1", "\t") + eol + choose("", eol, "  ");
  const pairs = ({ program: command, args, isOff, isRemote, commandLast }: Written): readonly string[] => {
    const start = isRemote ? 'url = "https://x"' : `command${choose("=", " = ")}${string(command)}`;
    const rest = [...(args === null ? [] : [`args = ${array(args.map(string))}`]), `enabled = ${String(!isOff)}`];
    return commandLast ? [...rest, start] : [start, ...rest];
  };
  const envOf = ({ env }: Written): string => `{ ${Object.entries(env ?? {}).map(([one, value]) => `${one} = ${string(value)}`).join(", ")} }`;
  const [inParent, inTables]: [Written[], Written[]] = [[], []];
  for (const one of list) choose(inParent, inTables).push(one);
  const under = inParent.map((one) => {
    if (choose(true, false)) return `${key(one.name)} = { ${[...pairs(one), `env = ${envOf(one)}`].join(", ")} }${end()}`;
    return pairs(one).map((pair) => `${key(one.name)}.${pair}${end()}`).join("");
  });
  const tables = inTables.map((one) => `[mcp_servers.${key(one.name)}]${end()}${pairs(one).map((pair) => pair + end()).join("")}${one.env === null ? "" : `[mcp_servers.${key(one.name)}.env]${end()}${Object.entries(one.env).map(([k, value]) => `${k} = ${string(value)}${end()}`).join("")}`}`);
  return `model = "x"${end()}${under.length > 0 ? `[mcp_servers]${end()}${under.join("")}` : ""}${tables.join("")}[other]${end()}command = "c"${end()}`;
}

const config = fc.record({ list: servers, picks: fc.array(fc.nat(1000), { minLength: 1, maxLength: 60 }), eol: fc.constantFrom("\n", "\r\n"), hasBom: fc.boolean(), launcher: fc.constantFrom<Launcher>(["countersign"], ["/usr/bin/node", "/usr/bin/countersign"], ["C:\\Program Files\\nodejs\\node.exe", "C:\\npm\\node_modules\\countersign\\dist\\cli\\main.js"]) });

function open(client: ClientId, bytes: Buffer): ConfigText {
  const opened = openConfig(bytes, CLIENT_KINDS[client]);
  if (!opened.ok) throw new Error(`${opened.problem.line}:${opened.problem.column}: ${opened.problem.message}\n${bytes.toString()}`);
  return opened.config;
}

it.each<[ClientId, typeof jsonText]>([
  ["cursor", jsonText],
  ["codex", tomlText],
])("%s: installing governs every local server, again changes nothing, uninstalling gives back the bytes, and what stands around stays", { timeout: 60_000 }, (client, write) => {
  const kind = CLIENT_KINDS[client];
  let governed = 0;
  fc.assert(
    fc.property(config, ({ list, picks, eol, hasBom, launcher }) => {
      const bytes = Buffer.from((hasBom ? "\uFEFF" : "") + write(chooser(picks), list, eol));
      const before = open(client, bytes);
      expect(new Map(before.servers.map((one) => [one.name, [one.kind, one.isDisabled]]))).toEqual(new Map(list.map((one) => [one.name, [one.isRemote ? "remote" : "local", one.isOff]])));
      const installed = planInstall(before, kind, launcher, all);
      const after = open(client, installed.bytes);
      expect(after.servers.every((one) => (one.kind === "local" ? (governingOf(one)?.original ?? one.keptEntry) !== undefined : one.kind !== "remote" || one.entry === undefined))).toBe(true);
      expect(planInstall(after, kind, launcher, all).bytes.equals(installed.bytes)).toBe(true);
      expect(planUninstall(after, kind, all).bytes.toString()).toBe(bytes.toString());
      // What the user writes around the entries meanwhile stays.
      const comment = client === "codex" ? `# mine${eol}` : `// mine${eol}`;
      const edited = planUninstall(open(client, Buffer.from(comment + after.text)), kind, all);
      expect(edited.bytes.toString()).toBe(comment + before.text);
      governed += installed.changes.length;
    }),
    { numRuns: 400 },
  );
  expect(governed).toBeGreaterThan(200);
});
