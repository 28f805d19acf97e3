import { describe, expect, it } from "vitest";
import type { LocalServer, ReadConfig, Server } from "./client-config.ts";
import type { ClientId } from "./client-files.ts";
import { CLIENT_KINDS } from "./client-kinds.ts";
import { describeChange } from "./describe-change.ts";
import { SAMPLES, SECRET } from "./fixture/samples.ts";
import { governingOf, type Launcher } from "./govern-server.ts";
import { openConfig, planInstall, planUninstall, wordsOf, type ConfigText } from "./plan-change.ts";

const LAUNCHER: Launcher = ["/usr/bin/node", "/usr/local/bin/countersign"];
const all = (): boolean => true;

function open(client: ClientId, text: string): ConfigText {
  const opened = openConfig(Buffer.from(text), CLIENT_KINDS[client]);
  if (!opened.ok) throw new Error(`${opened.problem.line}:${opened.problem.column}: ${opened.problem.message}`);
  return opened.config;
}

function install(client: ClientId, text: string, wanted: (server: Server) => boolean = all, launcher = LAUNCHER): string {
  return planInstall(open(client, text), CLIENT_KINDS[client], launcher, wanted).bytes.toString();
}

function uninstall(client: ClientId, text: string, wanted: (server: Server) => boolean = all): string {
  return planUninstall(open(client, text), CLIENT_KINDS[client], wanted).bytes.toString();
}

const locals = (config: ConfigText): readonly LocalServer[] => config.servers.filter((server): server is LocalServer => server.kind === "local");
/** Remote servers that a gateway can be put in front of. */
const addressed = (config: ConfigText): readonly string[] => config.servers.flatMap((server) => (server.kind === "remote" && server.entry !== undefined ? [server.name] : []));
const names = (config: ConfigText, kind: Server["kind"]): readonly string[] => config.servers.filter((server) => server.kind === kind).map(({ name }) => name);

describe.each(SAMPLES)("$title", ({ client, text, local, remote = [], unclear = [], disabled = [] }) => {
  it("is read as its client reads it", () => {
    const config = open(client, text);
    expect(names(config, "local").toSorted()).toEqual([...local].toSorted());
    expect(names(config, "remote")).toEqual(remote);
    expect(names(config, "unclear")).toEqual(unclear);
    expect(config.servers.filter(({ isDisabled }) => isDisabled).map(({ name }) => name)).toEqual(disabled);
  });

  it("is governed once, and comes back to the byte", () => {
    const governed = install(client, text);
    const config = open(client, governed);
    for (const server of locals(config)) expect([server.name, governingOf(server)?.original ?? server.keptEntry]).toEqual([server.name, local.includes(server.name) ? expect.any(Number) : expect.any(String)]);
    expect(install(client, governed)).toBe(governed);
    expect(uninstall(client, governed)).toBe(text);
    expect(local.length + addressed(open(client, text)).length === 0 || governed !== text).toBe(true);
  });

  it("keeps what was started, and under which name, in the entry", () => {
    const before = locals(open(client, text));
    for (const [index, server] of locals(open(client, install(client, text))).filter(({ keptEntry }) => keptEntry === undefined).entries()) {
      const original = before[index];
      if (original === undefined) throw new Error("a server came from nowhere");
      const words = wordsOf(server);
      expect(words.slice(0, 3)).toEqual([...LAUNCHER, "gateway"]);
      expect(words.slice(words.indexOf("--") + 1)).toEqual(wordsOf(original));
      expect(server.env).toEqual(original.env);
    }
  });

  it("is governed and released server by server", () => {
    let now = text;
    const each = [...local, ...addressed(open(client, text))];
    for (const name of each) now = install(client, now, (server) => server.name === name);
    expect(now).toBe(install(client, text));
    for (const name of each) now = uninstall(client, now, (server) => server.name === name);
    expect(now).toBe(text);
  });

  it("shows no value of env, no argument and no header", () => {
    const config = open(client, text);
    const shown = planInstall(config, CLIENT_KINDS[client], LAUNCHER, all).changes.flatMap((change) => describeChange(change, config.text, CLIENT_KINDS[client]));
    expect(shown.join("\n")).not.toContain(SECRET);
    expect(shown.filter((line) => line.startsWith("@@"))).toHaveLength(local.length + addressed(config).length);
  });
});

describe("a change", () => {
  it("is only the command, and words in front of the arguments", () => {
    const text = '{\n  "mcpServers": {\n    "fs": {\n      "command": "npx",\n      "args": [\n        "-y",\n        "pkg"\n      ]\n    }\n  }\n}\n';
    expect(install("cursor", text)).toBe(
      text.replace('"command": "npx"', '"command": "/usr/bin/node"').replace('"-y"', '"/usr/local/bin/countersign", "gateway", "--name", "fs", "--", "npx",\n        "-y"'),
    );
  });

  it("is shown as the keys that change", () => {
    const config = open("claude-desktop", SAMPLES[0]?.text ?? "");
    const { changes } = planInstall(config, CLIENT_KINDS["claude-desktop"], LAUNCHER, ({ name }) => name === "github");
    expect(changes.flatMap((change) => describeChange(change, config.text, { syntax: "json" }))).toEqual([
      "@@ line 12: github @@",
      '- "command": "docker"',
      '- "args": [... 6 words, the same]',
      '+ "command": "/usr/bin/node"',
      '+ "args": ["/usr/local/bin/countersign", "gateway", "--name", "github", "--", "docker", ... 6 words, the same]',
      '  "env": { GITHUB_PERSONAL_ACCESS_TOKEN: *** }',
    ]);
  });

  it("leaves what the user changed elsewhere meanwhile", () => {
    const text = '{ "mcpServers": { "a": { "command": "a", "args": ["1"] } } }';
    const meanwhile = (one: string): string => one.replace('"mcpServers": {', '"theme": "dark", // new\n"mcpServers": { "b": { "command": "b" }, ').replace('"1"', '"1", "--verbose"');
    expect(uninstall("cursor", meanwhile(install("cursor", text)))).toBe(meanwhile(text));
  });

  it("comes back with the same meaning where a formatter laid the file out anew", () => {
    const text = '{"mcpServers":{"a":{"command":"a"},"b":{"command":"b","args":[]},"c":{"command":"c","args":["1"]}}}';
    const formatted = JSON.stringify(JSON.parse(install("cursor", text)), null, 4).replaceAll(/"(?=\n\s*\])/g, '",');
    expect(formatted).toContain('",\n');
    const back = uninstall("cursor", formatted).replaceAll(/,(?=\s*\])/g, "");
    expect(JSON.parse(back)).toEqual(JSON.parse(text));
  });

  it("is not made where the outcome would not say what it should", () => {
    const { read } = CLIENT_KINDS.cursor;
    // A reader that is wrong about where the command stands.
    const wrong = {
      ...CLIENT_KINDS.cursor,
      read: (text: string): ReadConfig => {
        const config = read(text);
        return config.ok ? { ...config, servers: config.servers.map((server) => (server.kind === "local" ? { ...server, command: { ...server.command, start: server.command.start + 1 } } : server)) } : config;
      },
    };
    for (const text of ['{"mcpServers":{"a":{"command":"a","args":["1"]}}}', '{"mcpServers":{"a":{"command":"npx"}}}']) {
      const opened = openConfig(Buffer.from(text), wrong);
      if (!opened.ok) throw new Error("it is well formed");
      expect(() => planInstall(opened.config, wrong, LAUNCHER, all)).toThrow("nothing was written");
    }
    // Well formed, and another server than was asked for.
    const other = { ...CLIENT_KINDS.cursor, read: (text: string): ReadConfig => read(text.replaceAll("npx", "npy")) };
    expect(() => planInstall(open("cursor", '{"mcpServers":{"a":{"command":"npx"}}}'), other, LAUNCHER, all)).toThrow("nothing was written");
  });

  it("gives policies a name that they can hold", () => {
    const [server] = locals(open("cursor", install("cursor", '{"mcpServers":{"team:files*\\n":{"command":"x"}}}')));
    expect(server?.args?.words.map(({ value }) => value)).toContain("--name=team-files--");
  });

  it("writes no path of the machine where it is told not to", () => {
    expect(install("cursor", '{"mcpServers":{"a":{"command":"a"}}}', all, ["countersign"])).toBe('{"mcpServers":{"a":{"args": ["gateway", "--name=a", "--", "a"], "command":"countersign"}}}');
  });
});

describe("an entry that starts a gateway", () => {
  const stateOf = (command: string, ...args: readonly string[]): unknown => {
    const [server] = locals(open("cursor", JSON.stringify({ mcpServers: { s: { command, args } } })));
    return server === undefined ? undefined : governingOf(server);
  };

  it.each([
    [["countersign", "gateway", "--name", "s", "--", "npx"]],
    [["C:\\npm\\countersign.cmd", "gateway", "--", "npx"]],
    [["npx", "-y", "countersign@0.1.0", "gateway", "--", "npx"]],
    [["cmd", "/c", "countersign", "gateway", "--url", "https://x"]],
    [["/n/bin/node", "/n/lib/node_modules/countersign/dist/cli/main.js", "gateway", "--config", "c.yaml"]],
  ])("is known: %j", ([command = "", ...args]) => {
    expect(stateOf(command, ...args)).toBeDefined();
  });

  it.each([
    [["npx", "gateway", "--", "countersign"]],
    [["node", "/other/dist/cli/main.js", "gateway", "--", "x"]],
    [["countersign", "up", "gateway"]],
    [["docker", "run", "-i", "countersign", "gateway", "--", "x"]],
    [["countersigned", "gateway", "--", "x"]],
    [["gateway", "--", "x"]],
  ])("is no other program: %j", ([command = "", ...args]) => {
    expect(stateOf(command, ...args)).toBeUndefined();
  });

  it("that was written by hand is released to what stands behind --, and its other options are not shown", () => {
    const text = '{"mcpServers":{"s":{"command":"countersign","args":["gateway","--key","csk_1","--name","s","--","npx","-y"]}}}';
    const config = open("cursor", text);
    const { bytes, changes } = planUninstall(config, CLIENT_KINDS.cursor, all);
    expect(JSON.parse(bytes.toString())).toEqual({ mcpServers: { s: { command: "npx", args: ["-y"] } } });
    expect(changes.flatMap((change) => describeChange(change, config.text, { syntax: "json" }))).toContain('- "args": ["gateway", "...", "...", "--name", "s", "--", "npx", ... 1 word, the same]'.replaceAll('"..."', "..."));
    const none = '{"mcpServers":{"s":{"command":"countersign","args":["gateway","--config","c.yaml"]}}}';
    expect(uninstall("cursor", none)).toBe(none);
  });

  it("a server whose name would end the options comes back as it was", () => {
    const before = '{"mcpServers":{"**":{"command":"npx","args":[]}}}';
    const governed = install("cursor", before, all, ["countersign"]);
    expect(governed).toContain('"gateway", "--name", "_-", "--", "npx"');
    expect(uninstall("cursor", governed)).toBe(before);
  });
});

describe("a file that cannot be understood", () => {
  it.each<[ClientId, string, string]>([
    ["cursor", '{\n  "mcpServers": {\n    "a": { "command": "a" "args": [] }\n  }\n}', "3:27: comma expected"],
    ["cursor", '{\n  "mcpServers": {', "2:18: close brace expected"],
    ["cursor", "[]", "1:1: an object is expected here"],
    ["cursor", '{"mcpServers": []}', "1:16: mcpServers: an object of servers is expected here"],
    ["cursor", '{"mcpServers": {"a": {"command":"a"}, "a": {"command":"b"}}}', '1:39: "a" stands twice: remove one of them'],
    ["cursor", '{"mcpServers": {}, "mcpServers": {"a": {"command":"b"}}}', '1:20: "mcpServers" stands twice: make one of them'],
    ["codex", '[mcp_servers.a]\ncommand = "a\nargs = []', "2:13: "],
    ["codex", '[mcp_servers.a]\ncommand = "a"\ncommand = "b"', "3:1: "],
    ["codex", '[[mcp_servers]]\ncommand = "a"', "1:1: mcp_servers: a table of servers is expected here"],
    ["codex", 'mcp_servers = "none"', "1:1: mcp_servers: a table of servers is expected here"],
  ])("%s: %j is said with its place", (client, text, said) => {
    const opened = openConfig(Buffer.from(text), CLIENT_KINDS[client]);
    expect(opened.ok ? "it was read" : `${opened.problem.line}:${opened.problem.column}: ${opened.problem.message}`).toContain(said);
  });

  it("is no UTF-8: it is not turned into question marks", () => {
    expect(openConfig(Buffer.from('{"mcpServers":{}}', "utf16le"), CLIENT_KINDS.cursor).ok).toBe(false);
    expect(openConfig(Buffer.from([0xff, 0xfe, 0x7b, 0]), CLIENT_KINDS.cursor)).toMatchObject({ ok: false, problem: { message: "it is no UTF-8 text: save it as UTF-8" } });
  });

  it.each([
    ['{"command":"a","command":"b"}', '"command" stands twice in it'],
    ['{"command":["a"]}', "it has no command that is a text"],
    ['{"command":"a","args":"-y"}', "its args are no list of texts"],
    ['{"command":"a","args":[1]}', "its args are no list of texts"],
    ['{"command":"a","url":"https://x"}', "it has both a command and an address"],
    ['{"command":" "}', "its command is empty"],
    ["[]", "it is no object"],
  ])("one entry, %s, is left alone and said", (entry, why) => {
    const text = `{"mcpServers":{"x":${entry},"y":{"command":"y"}}}`;
    expect(open("cursor", text).servers[0]).toMatchObject({ kind: "unclear", why });
    expect(install("cursor", text)).toContain(`"x":${entry}`);
  });

  it("strict clients: a comment and a comma too many are warned about", () => {
    expect(open("claude-desktop", '{\n  // mine\n  "mcpServers": {}\n}').warnings).toEqual([{ line: 2, column: 3, message: expect.stringContaining("a comment: this client reads strict JSON") }]);
    expect(open("claude-code", '{"mcpServers": {},}').warnings).toEqual([{ line: 1, column: 19, message: expect.stringContaining("a comma too many") }]);
    expect(open("cursor", '{"mcpServers": {},}').warnings).toEqual([]);
  });
});
