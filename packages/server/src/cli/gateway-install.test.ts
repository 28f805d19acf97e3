// The built program, with a home of its own.
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Command } from "commander";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { SAMPLES, SECRET } from "../gateway-install/fixture/samples.ts";
import { createOperator, MAIN, until, type Ended, type Operator } from "./fixture/operator.ts";
import { openTerminal, whyNoTerminal } from "./fixture/terminal.ts";
import { withInstallCommands } from "./gateway-install.ts";
import { realPorts } from "./real-ports.ts";

let operator: Operator;
beforeEach(() => {
  operator = createOperator({ COUNTERSIGN_DIR: "", XDG_CONFIG_HOME: undefined });
});
afterEach(() => operator.close());

const gateway = (...args: readonly string[]): Promise<Ended> => operator.run("gateway", ...args);
const read = (name: string): string => readFileSync(operator.path(name), "utf8");

function put(name: string, text: string): void {
  mkdirSync(dirname(operator.path(name)), { recursive: true });
  writeFileSync(operator.path(name), text);
}

function sample(title: string): string {
  const found = SAMPLES.find((one) => one.title.startsWith(title));
  if (found === undefined) throw new Error(`there is no sample ${title}`);
  return found.text;
}

const FILES = {
  "claude-desktop": [".config/Claude/claude_desktop_config.json", sample("Claude Desktop, as its guide")],
  "claude-code": [".claude.json", sample("Claude Code: the user's")],
  cursor: [".cursor/mcp.json", sample("Cursor")],
  vscode: [".config/Code/User/mcp.json", sample("VS Code")],
  codex: [".codex/config.toml", sample("Codex: tables")],
} as const;

const CURSOR = '{ "mcpServers": { "fs": { "command": "npx", "args": ["-y", "pkg"] }, "far": { "url": "https://x" } } }\n';

describe.each(Object.entries(FILES))("%s", (client, [file, text]) => {
  it("is installed, listed and uninstalled to the byte, and no secret is printed", async () => {
    put(file, text);
    chmodSync(operator.path(file), 0o640);
    const looked = await gateway("install", client, "--dry-run");
    expect([looked.code, looked.out]).toEqual([0, expect.stringContaining("Nothing was written (--dry-run).")]);
    expect(read(file)).toBe(text);
    const installed = await gateway("install", client, "--yes");
    expect([installed.code, installed.err]).toEqual([0, ""]);
    expect(installed.out).toMatch(/will run behind Countersign/);
    const governed = read(file);
    expect(governed).toContain(JSON.stringify(MAIN));
    expect(statSync(operator.path(file)).mode & 0o777).toBe(0o640);

    const listed = await gateway("ls", "--json");
    const [only] = (JSON.parse(listed.out) as { files: { client: string; file: string; servers: { state: string }[] }[] }).files; // printed by ls
    expect(only).toMatchObject({ client, file: operator.path(file) });
    expect(only?.servers.map(({ state }) => state)).not.toContain("not_governed");
    expect(only?.servers.map(({ state }) => state)).toContain("governed");

    const again = await gateway("install", client, "--yes");
    expect([again.code, again.out]).toEqual([0, expect.stringContaining("Nothing to change")]);
    expect(read(file)).toBe(governed);
    const back = await gateway("uninstall", client, "--yes");
    expect([back.code, back.err]).toEqual([0, ""]);
    expect(read(file)).toBe(text);
    for (const { out, err } of [looked, installed, listed, again, back]) expect(out + err).not.toMatch(new RegExp(`${SECRET}|server-filesystem`));
    const copies = readdirSync(dirname(operator.path(file))).filter((name) => name.endsWith(".bak"));
    expect(copies).toHaveLength(2);
    for (const copy of copies) expect(statSync(join(dirname(operator.path(file)), copy)).mode & 0o777).toBe(0o600);
  });
});

describe("gateway install", () => {
  it("governs only the servers that are named, and says which there are", async () => {
    put(".cursor/mcp.json", sample("Cursor"));
    expect((await gateway("install", "cursor", "--server", "none", "bare", "--yes")).code).toBe(0);
    const { out } = await gateway("ls");
    expect(out).toMatch(/not governed +fs .*mcp\.json:4, disabled/);
    expect(out).toMatch(/ {2}governed +none /);
    expect(out).toMatch(/ {2}governed +bare /);
    expect(out).toMatch(/not governed \(remote\) +linear/);
    expect(out).toMatch(/not governed \(unclear\) +line .*its command is a whole line/);
    for (const [name, said] of [["nope", "There are: fs, none, bare, line, linear"], ["line", "its command is a whole line"]] as const) {
      const ended = await gateway("install", "cursor", "--server", name, "--yes");
      expect([ended.code, ended.err]).toEqual([2, expect.stringContaining(said)]);
    }
  });

  it("of a project writes no path of this machine, and leaves the user's own files", async () => {
    put(".cursor/mcp.json", CURSOR);
    put("shop/.cursor/mcp.json", CURSOR);
    put("shop/.git/HEAD", "");
    mkdirSync(operator.path("shop/src"));
    const ended = spawnSync(process.execPath, [MAIN, "gateway", "install", "cursor", "--scope", "project", "--yes"], { cwd: operator.path("shop/src"), env: operator.env, encoding: "utf8" });
    expect([ended.status, ended.stderr]).toEqual([0, ""]);
    expect(read(".cursor/mcp.json")).toBe(CURSOR);
    expect(read("shop/.cursor/mcp.json")).toBe(CURSOR.replace('"npx"', '"countersign"').replace('"-y"', '"gateway", "--name", "fs", "--", "npx", "-y"').replace('{ "url": "https://x" }', `{ "command": "countersign", "args": ["gateway", "--name", "far", "--url", "https://x"], "env": { "COUNTERSIGN_ENTRY": "${Buffer.from('{ "url": "https://x" }').toString("base64")}" } }`));
    const none = await gateway("install", "claude-desktop", "--scope", "project");
    expect([none.code, none.err]).toEqual([2, expect.stringContaining("no configuration of a project")]);
  });

  it("says what it looked for where there is nothing, and takes a file that is elsewhere", async () => {
    const none = await gateway("install", "codex", "--yes");
    expect([none.code, none.err]).toEqual([2, expect.stringContaining(`No configuration of Codex is at ${operator.path(".codex/config.toml")}`)]);
    put("else/where.json", CURSOR);
    expect((await gateway("install", "cursor", "--config", "else/where.json", "--yes")).code).toBe(0);
    expect(read("else/where.json")).toContain("gateway");
    expect((await gateway("install", "cursor", "--config", "no.json", "--yes")).err).toContain("no.json: it is not there");
    expect((await gateway("install", "emacs", "--yes")).code).toBe(2);
    expect((await gateway("ls", "--json")).out).toBe('{\n  "files": []\n}\n');
  });

  it("leaves a broken file alone, and says where it is broken", async () => {
    put(".cursor/mcp.json", '{\n  "mcpServers": {\n    "a" { }\n');
    put(".codex/config.toml", "[mcp_servers.a\n");
    for (const [client, said] of [["cursor", "mcp.json:3:9: colon expected. Nothing was changed: mend it there"], ["codex", "config.toml:2:1: Unterminated"]] as const) {
      for (const command of ["install", "uninstall"]) {
        const ended = await gateway(command, client, "--yes");
        expect([ended.code, ended.err]).toEqual([2, expect.stringContaining(said)]);
      }
    }
    const listed = await gateway("ls");
    expect([listed.code, listed.out]).toEqual([1, expect.stringContaining("mcp.json:3:9: colon expected")]);
    expect(read(".cursor/mcp.json")).toBe('{\n  "mcpServers": {\n    "a" { }\n');
    expect(readdirSync(operator.path(".cursor"))).toEqual(["mcp.json"]);
  });

  it("with nobody to ask writes nothing", async () => {
    put(".cursor/mcp.json", CURSOR);
    const ended = await operator.detached("gateway", "install", "cursor");
    expect([ended.code, ended.err]).toEqual([2, expect.stringContaining("there is nobody to ask here. Look with --dry-run, and write with --yes.")]);
    expect(read(".cursor/mcp.json")).toBe(CURSOR);
  });

  it("warns of what will not be as it looks", async () => {
    put(".claude.json", `// mine\n${CURSOR.replace('"fs"', '"my:fs"')}`);
    const { out } = await operator.run("gateway", "install", "claude-code", "--dry-run");
    expect(out).toContain(".claude.json:1:1: a comment: this client reads strict JSON");
    expect(out).toContain("my:fs is called my-fs in policies");
    expect(out).toContain("far: where it asks for a sign-in");
    expect(out).toContain("If Claude Code runs, end it first");
    const other = createOperator({ HOME: operator.home });
    onTestFinished(() => other.close());
    expect((await other.run("gateway", "install", "claude-code", "--dry-run")).out).toContain("COUNTERSIGN_DIR: set in this shell");
  });

  it("does not govern by a program that may vanish", async () => {
    put(".cursor/mcp.json", CURSOR);
    const cached = operator.path("_npx/0a/node_modules");
    mkdirSync(cached, { recursive: true });
    symlinkSync(MAIN, join(cached, "countersign"));
    const start = (...args: readonly string[]) => spawnSync(process.execPath, [join(cached, "countersign"), "gateway", "install", "cursor", ...args], { env: operator.env, encoding: "utf8" });
    expect([start("--yes").status, start("--yes").stderr]).toEqual([2, expect.stringContaining("npm install --global countersign")]);
    expect(start("--yes", "--portable").status).toBe(0);
    expect(read(".cursor/mcp.json")).toContain('"command": "countersign"');
  });

  it("says so where it may not write, and changes nothing", () => {
    put(".cursor/mcp.json", CURSOR);
    const nobody = process.getuid?.() === 0 ? 65_534 : undefined;
    // Readable for everybody, writable for its owner only; who is not root takes the right to write away from themselves.
    chmodSync(operator.home, 0o755);
    chmodSync(operator.path(".cursor"), nobody === undefined ? 0o500 : 0o755);
    onTestFinished(() => void (existsSync(operator.path(".cursor")) && chmodSync(operator.path(".cursor"), 0o755)));
    const ended = spawnSync(process.execPath, [MAIN, "gateway", "install", "cursor", "--yes"], { env: operator.env, encoding: "utf8", ...(nobody === undefined ? {} : { uid: nobody }) });
    expect([ended.status, ended.stderr]).toEqual([2, expect.stringContaining(`you may not write in ${operator.path(".cursor")}`)]);
    expect(read(".cursor/mcp.json")).toBe(CURSOR);
    expect(readdirSync(operator.path(".cursor"))).toEqual(["mcp.json"]);
    chmodSync(operator.path(".cursor"), 0o755);
  });
});

describe("gateway uninstall", () => {
  it("restores the entries where the user changed other parts meanwhile", async () => {
    put(".codex/config.toml", sample("Codex: tables"));
    await gateway("install", "codex", "--yes");
    put(".codex/config.toml", `# mine\n${read(".codex/config.toml")}\n[mcp_servers.new]\ncommand = "new"\n`);
    expect((await gateway("uninstall", "codex", "--yes")).code).toBe(0);
    expect(read(".codex/config.toml")).toBe(`# mine\n${sample("Codex: tables")}\n[mcp_servers.new]\ncommand = "new"\n`);
  });

  it("--from-copy puts the whole file back as it was, also where it can no longer be read", async () => {
    put(".cursor/mcp.json", CURSOR);
    const none = await gateway("uninstall", "cursor", "--from-copy", "--yes");
    expect([none.code, none.err]).toEqual([2, expect.stringContaining("there is no copy beside it")]);
    await gateway("install", "cursor", "--yes");
    put(".cursor/mcp.json", '{ "mcpServers": ');
    expect((await gateway("uninstall", "cursor", "--yes")).code).toBe(2);
    const back = await gateway("uninstall", "cursor", "--from-copy", "--yes");
    expect([back.code, back.err]).toEqual([0, ""]);
    expect(read(".cursor/mcp.json")).toBe(CURSOR);
    // What was there is kept too.
    const kept = readdirSync(operator.path(".cursor")).find((name) => name.includes("countersign-uninstall-"));
    expect(read(`.cursor/${kept ?? "none"}`)).toBe('{ "mcpServers": ');
  });
});

describe("on a terminal", () => {
  const missing = whyNoTerminal();

  async function answer(keys: string): Promise<string> {
    const terminal = openTerminal(`'${process.execPath}' '${MAIN}' gateway install cursor`, operator.env);
    onTestFinished(() => terminal.close());
    const see = (text: string): Promise<string> => until(() => (terminal.screen().includes(text) ? terminal.screen() : undefined));
    await see("Write this? (y/n)");
    await sleep(400); // what is typed before the question stands counts for nothing
    terminal.keys("-l", keys);
    terminal.keys("Enter");
    return see("ended with");
  }

  it("the change is shown and asked about: n leaves all as it is, y writes it", async ({ skip }) => {
    skip(missing !== undefined, missing ?? "");
    put(".cursor/mcp.json", CURSOR);
    const refused = await answer("n");
    expect(refused).toContain("@@ line 1: fs @@");
    expect(refused).toContain('- "command": "npx"');
    expect(refused).toContain("far: where it asks for a sign-in");
    expect(refused).toMatch(/Nothing was written\.\s+ended with 1/);
    expect([read(".cursor/mcp.json"), readdirSync(operator.path(".cursor"))]).toEqual([CURSOR, ["mcp.json"]]);
    expect(await answer("y")).toContain("ended with 0");
    expect(read(".cursor/mcp.json")).toContain('"gateway", "--name", "fs", "--", "npx"');
  });

  it("a file that changes while the question stands is not written", async ({ skip }) => {
    skip(missing !== undefined, missing ?? "");
    put(".cursor/mcp.json", CURSOR);
    const terminal = openTerminal(`'${process.execPath}' '${MAIN}' gateway install cursor`, operator.env);
    onTestFinished(() => terminal.close());
    await until(() => (terminal.screen().includes("Write this? (y/n)") ? true : undefined));
    put(".cursor/mcp.json", `${CURSOR} `);
    await sleep(400);
    terminal.keys("y", "Enter");
    const screen = await until(() => (terminal.screen().includes("ended with") ? terminal.screen() : undefined));
    expect(screen).toContain("it was changed by somebody else meanwhile");
    expect(screen).toContain("ended with 1");
    expect(read(".cursor/mcp.json")).toBe(`${CURSOR} `);
  });
});

it("a server whose command is called ls, install or help is still a server to `gateway --`", async () => {
  for (const word of ["ls", "install", "uninstall", "help"]) {
    const args = ["gateway", "--name", "s", "--", word, "-x"];
    let started: readonly string[] | undefined;
    const own = new Command("gateway").option("--name <name>").argument("[command...]").action((command: readonly string[]) => void (started = command));
    const program = new Command("countersign").addCommand(withInstallCommands(own, args, realPorts(), () => {}));
    await program.parseAsync(args, { from: "user" });
    expect(started).toEqual([word, "-x"]);
  }
});
