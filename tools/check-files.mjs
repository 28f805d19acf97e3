// What can be seen without reading the code: names, lengths, what a lock file must not record, and that no file
// carries the path of a machine. Run by `npm run check`; `node tools/check-files.mjs [root]` alone.
import { readFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { trackedFiles } from "./tracked-files.mjs";

const LONGEST_FILE = 400;
const CODE = /\.(ts|tsx|mts|mjs|js|css|sql)$/;
const CODE_FOLDERS = /^(packages|examples|conformance|bench|test|tools|docs)\//;
const KEBAB = /^[a-z0-9]+(-[a-z0-9]+)*$/;
// Files whose names other tools and habits fix.
const FIXED_NAME = /^([A-Z]+\.md|LICENSE|Dockerfile|\..+)$/;
// Words that say nothing about what is inside. A service worker is a thing of the web, not a "service".
const EMPTY_WORD = /(^|-)(utils?|helpers?|common|managers?|services?)(-|$)/;
const ALLOWED_WORDS = new Set(["service-worker"]);

// Written so that this file does not match itself. The MCP registry is a thing of the protocol, not of npm.
const REGISTRY = /https?:\/\/registry\.(?!modelcontextprotocol\.io)/;
const WORKPLACE = /(^|[\s"'`(=:<[,]|file:\/\/)\/(work|farm)\//;

/**
 * @param {string} root
 * @returns {readonly string[]} one line per problem
 */
export function checkFiles(root) {
  return trackedFiles(root).flatMap((path) => {
    const bytes = readFileSync(join(root, path));
    const named = checkNames(path);
    if (bytes.includes(0)) return named;
    const lines = bytes.toString("utf8").split("\n");
    return [...named, ...checkLength(path, lines), ...checkLock(path, lines), ...checkPlaces(path, lines, root)];
  }).concat(checkProjects(root));
}

/**
 * A project that the root does not name is never type-checked.
 * @param {string} root
 */
function checkProjects(root) {
  const files = trackedFiles(root);
  if (!files.includes("tsconfig.json")) return [];
  /** @type {readonly { path: string }[]} */
  const references = JSON.parse(readFileSync(join(root, "tsconfig.json"), "utf8")).references;
  const named = new Set(references.map(({ path }) => posix.normalize(path)));
  return files
    .filter((path) => path.endsWith("/tsconfig.json") && !named.has(posix.dirname(path)))
    .map((path) => `${path}: is not among the references of tsconfig.json, so nobody type-checks it`);
}

/** @param {string} path */
function checkNames(path) {
  if (!CODE_FOLDERS.test(path)) return [];
  const problems = [];
  const file = posix.basename(path);
  const stem = file.replace(/\..*$/, "");
  if (!FIXED_NAME.test(file) && !KEBAB.test(stem)) problems.push(`${path}: file names are kebab-case`);
  for (const word of [...posix.dirname(path).split("/"), stem]) {
    if (EMPTY_WORD.test(word) && !ALLOWED_WORDS.has(word)) {
      problems.push(`${path}: "${word}" says nothing about what is inside; name it after what it exports`);
    }
  }
  return problems;
}

/**
 * @param {string} path
 * @param {readonly string[]} lines
 */
function checkLength(path, lines) {
  if (!CODE.test(path) || !CODE_FOLDERS.test(path)) return [];
  const count = lines.at(-1) === "" ? lines.length - 1 : lines.length;
  return count > LONGEST_FILE ? [`${path}: ${count} lines; ${LONGEST_FILE} is the end: split it by idea`] : [];
}

/**
 * @param {string} path
 * @param {readonly string[]} lines
 */
function checkLock(path, lines) {
  if (posix.basename(path) !== "package-lock.json") return [];
  const problems = lines.flatMap((text, index) => {
    if (!/"resolved": "(http|git|file:)/.test(text)) return [];
    return [`${path}:${index + 1}: records a download address; make it with omit-lockfile-registry-resolved=true`];
  });
  // npm writes a lock file without the binaries it could not find for other platforms, and then `npm ci` refuses it.
  /** @type {Record<string, { optionalDependencies?: Record<string, string> }>} */
  const packages = JSON.parse(lines.join("\n")).packages;
  const locked = new Set(Object.keys(packages).map((key) => key.replace(/^.*node_modules\//, "")));
  for (const [key, { optionalDependencies = {} }] of Object.entries(packages)) {
    const absent = Object.keys(optionalDependencies).filter((name) => !locked.has(name));
    if (absent.length > 0) problems.push(`${path}: ${key} lacks ${absent.join(", ")}: npm ci will refuse it; pin a version whose binaries are all there`);
  }
  return problems;
}

/**
 * @param {string} path
 * @param {readonly string[]} lines
 * @param {string} root
 */
function checkPlaces(path, lines, root) {
  // Only a checkout that lies deep enough: `/app` or `/repo` would be found in honest examples.
  const here = root.split(/[\\/]/).length > 3 ? root : undefined;
  return lines.flatMap((text, index) => {
    const where = `${path}:${index + 1}`;
    if (REGISTRY.test(text)) return [`${where}: names a package registry's host`];
    if (WORKPLACE.test(text) || (here !== undefined && text.includes(here))) return [`${where}: a path of one machine`];
    return [];
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const problems = checkFiles(process.argv[2] ?? dirname(dirname(fileURLToPath(import.meta.url))));
  for (const problem of problems) process.stdout.write(`${problem}\n`);
  process.exitCode = problems.length > 0 ? 1 : 0;
}
