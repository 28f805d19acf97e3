import { execFile } from "node:child_process";
import { mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it, onTestFinished } from "vitest";

const FIND = new URL("find-classes.ts", import.meta.url).href;

it("a copy inside a package beside the program is found, whatever else lies about in node_modules", async () => {
  const directory = await realpath(await mkdtemp(join(tmpdir(), "countersign-find-")));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const copy = join(directory, "node_modules/some-agent/node_modules/@modelcontextprotocol/client");
  await mkdir(join(copy, "dist"), { recursive: true });
  await writeFile(join(copy, "package.json"), JSON.stringify({ name: "@modelcontextprotocol/client", version: "2.0.0" }));
  await writeFile(join(copy, "dist/index.mjs"), "export class Client { request() {} }\n");
  await writeFile(join(directory, "node_modules/@stray"), "a file where scopes are folders");
  const main = join(directory, "main.mjs");
  await writeFile(main, `import { findClientClasses } from ${JSON.stringify(FIND)};\nconsole.log(JSON.stringify(findClientClasses(true).map(({ facts, clientClass }) => [facts.path, typeof clientClass])));\n`);
  const { stdout } = await promisify(execFile)(process.execPath, [main]);
  expect(JSON.parse(stdout)).toContainEqual([join(copy, "dist/index.mjs"), "function"]);
});
