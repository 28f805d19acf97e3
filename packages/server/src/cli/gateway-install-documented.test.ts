import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createOperator, MAIN, type Operator } from "./fixture/operator.ts";

const PAGE = fileURLToPath(new URL("../../../../examples/docs/gateway-install", import.meta.url));

let operator: Operator;
beforeEach(() => {
  operator = createOperator({ COUNTERSIGN_DIR: "" });
});
afterEach(() => operator.close());

const page = (name: string): string => readFileSync(`${PAGE}/${name}`, "utf8");
const read = (name: string): string => readFileSync(operator.path(name), "utf8");
/** As it is on the reader's machine. */
const asShown = (text: string): string => text.replaceAll(process.execPath, "/usr/local/bin/node").replaceAll(MAIN, "/usr/local/bin/countersign").replaceAll(operator.home, "/home/you");

/** The commands of one block of the page. */
function region(name: string): string {
  const found = new RegExp(`# #region ${name}\\n([^]*?)# #endregion`).exec(page("install.sh"))?.[1];
  if (found === undefined) throw new Error(`there is no region ${name}`);
  return found;
}

it("what docs/gateway-install.md shows works from top to bottom, and says what stands there", () => {
  for (const folder of ["bin", ".cursor", ".codex", "shop/.git", "shop/.cursor"]) mkdirSync(operator.path(folder), { recursive: true });
  writeFileSync(operator.path("bin/countersign"), `#!/bin/sh\nexec '${process.execPath}' '${MAIN}' "$@"\n`);
  chmodSync(operator.path("bin/countersign"), 0o755);
  cpSync(`${PAGE}/before.json`, operator.path(".cursor/mcp.json"));
  cpSync(`${PAGE}/before.json`, operator.path("shop/.cursor/mcp.json"));
  cpSync(`${PAGE}/config.toml`, operator.path(".codex/config.toml"));
  const env = { ...operator.env, PATH: `${operator.path("bin")}:${dirname(process.execPath)}:/usr/bin:/bin` };
  const run = (name: string): string => execFileSync("sh", ["-euc", region(name)], { cwd: operator.path("shop"), env, encoding: "utf8" });

  expect(asShown(run("look"))).toContain(page("shown.txt"));
  expect(read(".cursor/mcp.json")).toBe(page("before.json"));
  run("install");
  expect(asShown(read(".cursor/mcp.json"))).toBe(page("after.json"));
  expect(read(".codex/config.toml")).toContain('command = "notes-mcp"');
  run("project");
  expect(read("shop/.cursor/mcp.json")).toContain('"command": "countersign"');
  run("list");
  expect(JSON.parse(read("shop/clients.json"))).toMatchObject({ files: [{ client: "cursor", scope: "user" }, { client: "cursor", scope: "project" }, { client: "codex" }] });
  run("uninstall");
  expect([read(".cursor/mcp.json"), read(".codex/config.toml")]).toEqual([page("before.json"), page("config.toml")]);
});
