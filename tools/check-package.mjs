// What a user would get from the registry: every public package is packed as npm packs it, its list of files is
// looked at, and publint reads the tarball. Run by `npm run check`, after the build.
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { runChild } from "./child.mjs";
import { ROOT, npm } from "./set-up.mjs";

const NEVER_SHIPPED = /\.test\.|\.tsbuildinfo$|(^|\/)(\.env|\.npmrc|\.scratch|node_modules|fixtures?)(\/|$)|\.(sqlite|db|pem|key|tgz)$/;
const ALWAYS_SHIPPED = ["package.json", "README.md", "LICENSE"];
// The server's program, and the inbox that it serves: the shell, and whatever the shell loads.
const INBOX = "dist/inbox/";
const ALSO_SHIPPED = { "packages/server": ["dist/cli/main.js", `${INBOX}index.html`, `${INBOX}app.webmanifest`, `${INBOX}icon.svg`] };
const PACKED = join(ROOT, ".scratch", "packed");

/**
 * @param {string} folder from the root
 * @returns {Promise<readonly string[]>}
 */
async function checkPackage(folder) {
  const cwd = join(ROOT, folder);
  const { command, args, shell } = npm(process.execPath);
  const flags = ["pack", "--json", "--loglevel=error", "--pack-destination", PACKED];
  const ended = await runChild(command, [...args, ...flags], { cwd, shell });
  if (ended.code !== 0) return [`${folder}: npm pack failed: ${ended.output}`];
  // npm may print warnings before the JSON.
  const [packed] = JSON.parse(ended.output.slice(ended.output.search(/^\[/m)));
  /** @type {string[]} */
  const paths = packed.files.map((/** @type {{ path: string }} */ { path }) => path);
  const manifest = JSON.parse(readFileSync(join(cwd, "package.json"), "utf8"));
  const { messages } = await publint({ strict: true, pack: { tarball: readTarball(packed.filename) } });
  return [
    ...paths.filter((path) => NEVER_SHIPPED.test(path)).map((path) => `${folder}: ships ${path}`),
    ...[...ALWAYS_SHIPPED, ...alsoShipped(folder)].filter((path) => !paths.includes(path)).map((path) => `${folder}: ships no ${path}`),
    ...messages.map((message) => `${folder}: ${formatMessage(message, manifest, { color: false }) ?? message.code}`),
  ];
}

/**
 * @param {string} folder
 * @returns {readonly string[]}
 */
function alsoShipped(folder) {
  const also = Object.entries(ALSO_SHIPPED).find(([name]) => name === folder)?.[1] ?? [];
  const shell = join(ROOT, folder, INBOX, "index.html");
  if (also.length === 0 || !existsSync(shell)) return also;
  const loaded = [...readFileSync(shell, "utf8").matchAll(/(?:src|href)="\/([^"]+)"/g)].map(([, path]) => `${INBOX}${path ?? ""}`);
  return [...also, ...loaded];
}

/** @param {string} filename */
function readTarball(filename) {
  const bytes = readFileSync(join(PACKED, filename));
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
}

rmSync(PACKED, { recursive: true, force: true });
mkdirSync(PACKED, { recursive: true });
let failed = false;
for (const name of readdirSync(join(ROOT, "packages")).toSorted()) {
  const path = join(ROOT, "packages", name, "package.json");
  if (!existsSync(path) || JSON.parse(readFileSync(path, "utf8")).private === true) continue;
  for (const problem of await checkPackage(`packages/${name}`)) {
    process.stdout.write(`${problem}\n`);
    failed = true;
  }
}
process.exitCode = failed ? 1 : 0;
