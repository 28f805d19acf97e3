import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { expect, it, onTestFinished } from "vitest";

const WATCH = fileURLToPath(new URL("watch-loads.ts", import.meta.url));

/** Each query is a module of its own: a second copy of the SDK. */
const program = (esm: string, cjs: string): string => `
  import { createRequire } from "node:module";
  const told = [];
  const copies = await Promise.all(["a", "b"].map(async (copy) => (await import(${JSON.stringify(pathToFileURL(WATCH).href)} + "?" + copy)).watchLoads(({ name }, file) => told.push([copy, name, file.slice(-9)].join(" ")))));
  await import(${JSON.stringify(pathToFileURL(esm).href)});
  createRequire(import.meta.url)(${JSON.stringify(cjs)});
  for (const end of copies) end();
  console.log(JSON.stringify(told.sort()));
`;

it("two copies of the SDK that watch each see every client that is loaded, and the modules load", async () => {
  const directory = await mkdtemp(join(tmpdir(), "countersign-watch-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const dist = join(directory, "node_modules/@modelcontextprotocol/client/dist");
  await mkdir(dist, { recursive: true });
  await writeFile(join(dist, "index.mjs"), "export class Client { request() {} }\n");
  await writeFile(join(dist, "index.cjs"), "exports.Client = class Client { request() {} };\n");
  const main = join(directory, "main.mjs");
  await writeFile(main, program(join(dist, "index.mjs"), join(dist, "index.cjs")));
  const { stdout } = await promisify(execFile)(process.execPath, [main]);
  expect(JSON.parse(stdout)).toEqual(["a Client index.cjs", "a Client index.mjs", "b Client index.cjs", "b Client index.mjs"]);
});
