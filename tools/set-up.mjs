// Makes a fresh checkout ready: a Node that is new enough, the dependencies of the lock file, the build.
// Says nothing and takes milliseconds when all is there. It installs from lock files only (`npm ci`), so it never
// changes a tracked file. Called by run.mjs. Plain JavaScript for any Node >= 18, without dependencies.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Interrupted, runChild } from "./child.mjs";
import { withLock } from "./lock.mjs";

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

// The packages ask for 22.15; this repository also runs .ts files directly, which needs no flag from 22.18 on.
const OLDEST_NODE = /** @type {const} */ ([22, 18]);
const NODE_FOLDER = join(ROOT, "tools", "node");
const LOCK_FOLDER = join(ROOT, ".scratch", "set-up.lock");
const TSC = join("node_modules", "typescript", "bin", "tsc");

const VITE = join("node_modules", "vite", "bin", "vite.js");

/**
 * What the build consists of; each is fast when nothing changed. `tsc -b` knows by itself; a step with `inputs` is left out while
 * these files are what they were when `output` was made. `tsc -b` does not see that the types of a dependency have come or changed.
 * @type {readonly { name: string, args: readonly string[], overNewDependencies?: readonly string[], inputs?: readonly string[], output?: string }[]}
 */
const BUILD_STEPS = [
  { name: "build (tsc -b)", args: [TSC, "-b"], overNewDependencies: ["--force"] },
  {
    name: "build the inbox (vite build)",
    args: [VITE, "build", "packages/inbox", "--logLevel", "warn"],
    inputs: ["packages/inbox", "packages/sdk/src", "package-lock.json"],
    output: "packages/server/dist/inbox/index.html",
  },
];

/** A step of the set-up failed: which one, what it printed, and what to do. */
export class SetUpError extends Error {
  /**
   * @param {string} name of the step
   * @param {string} remedy
   * @param {string} output
   */
  constructor(name, remedy, output) {
    super(`${output.trim()}\n\ncountersign: the step "${name}" failed. ${remedy}`.trimStart());
  }
}

/** @typedef {import("./lock.mjs").Hold} Hold */

/**
 * The Node to run everything with, and the environment that makes children find it first.
 * @typedef {{ path: string, env: NodeJS.ProcessEnv }} NodeRuntime
 */

/**
 * `folders`: those with a lock file of their own that this command needs, and no other does.
 * @param {{ build: boolean, folders?: readonly string[] }} options
 * @returns {Promise<NodeRuntime>}
 */
export async function setUp({ build, folders = [] }) {
  return withLock(
    LOCK_FOLDER,
    (holder) => note(`another set-up (process ${holder}) is at work here; waiting for it`),
    async (hold) => {
      const node = await ensureNode(hold);
      await ensureDependencies(node, hold);
      for (const folder of folders) await ensureFolder(node, folder, hold);
      if (build) await runBuild(node, hold);
      return node;
    },
  );
}

/** @param {string} version such as v22.18.0 */
export function isNewEnough(version) {
  const [major = 0, minor = 0] = version.replace(/^v/, "").split(".").map(Number);
  return major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1]);
}

/**
 * @param {Hold} hold
 * @returns {Promise<NodeRuntime>}
 */
async function ensureNode(hold) {
  const env = { ...withoutRunVariables(process.env) };
  if (isNewEnough(process.version)) return { path: process.execPath, env };
  const lock = hashOf(join(NODE_FOLDER, "package-lock.json"));
  const stamp = join(NODE_FOLDER, "node_modules", ".countersign-stamp");
  if (readIfThere(stamp) !== lock || installedNode() === undefined) {
    note(`Node ${process.version} is older than ${OLDEST_NODE.join(".")}; installing a newer one under tools/node`);
    await npmCi(process.execPath, env, NODE_FOLDER, "install a newer Node (npm ci in tools/node)", hold);
  }
  const path = installedNode();
  const byHand = `Install Node ${OLDEST_NODE.join(".")} or newer (24 is what we test on) and run the command again.`;
  if (path === undefined) {
    throw new SetUpError("install a newer Node", byHand, `No packaged Node for ${process.platform}-${process.arch}.`);
  }
  const found = await runChild(path, ["--version"], { cwd: ROOT, env }).catch(() => undefined);
  if (found === undefined || found.code !== 0 || !isNewEnough(found.output.trim())) {
    throw new SetUpError("start the newer Node", byHand, `${path} does not run on this machine. ${found?.output ?? ""}`);
  }
  writeFileSync(stamp, lock);
  const pathKey = Object.keys(env).find((key) => key.toUpperCase() === "PATH") ?? "PATH";
  return { path, env: { ...env, [pathKey]: `${dirname(path)}${delimiter}${env[pathKey] ?? ""}` } };
}

function installedNode() {
  const { optionalDependencies } = readJson(join(NODE_FOLDER, "package.json"));
  for (const name of Object.keys(optionalDependencies)) {
    const folder = join(NODE_FOLDER, "node_modules", name);
    if (!existsSync(join(folder, "package.json"))) continue;
    const path = join(folder, readJson(join(folder, "package.json")).bin.node);
    if (existsSync(path)) return path;
  }
  return undefined;
}

/**
 * @param {NodeRuntime} node
 * @param {Hold} hold
 */
async function ensureDependencies(node, hold) {
  const stampPath = join(ROOT, "node_modules", ".countersign-stamp");
  const version = await majorOf(node);
  const wanted = JSON.stringify({ lock: hashOf(join(ROOT, "package-lock.json")), node: version });
  const stamp = readIfThere(stampPath);
  if (stamp === wanted) return;
  const sameNode = stamp === undefined || JSON.parse(stamp).node === version;
  if (!sameNode || !isInstalled(ROOT)) {
    note("installing the dependencies (npm ci)");
    await npmCi(node.path, node.env, ROOT, "install the dependencies (npm ci)", hold);
  }
  writeFileSync(stampPath, wanted);
}

/**
 * @param {NodeRuntime} node
 * @param {string} folder
 * @param {Hold} hold
 */
async function ensureFolder(node, folder, hold) {
  if (isInstalled(join(ROOT, folder))) return;
  note(`installing ${folder} (npm ci)`);
  await npmCi(node.path, node.env, join(ROOT, folder), `install ${folder} (npm ci)`, hold);
}

/** @param {NodeRuntime} node */
async function majorOf(node) {
  if (node.path === process.execPath) return Number(process.versions.node.split(".")[0]);
  const { output } = await runChild(node.path, ["--version"], { cwd: ROOT, env: node.env });
  return Number(output.trim().replace(/^v/, "").split(".")[0]);
}

/**
 * Whether what npm says it installed is what the lock file asks for: true after an `npm install` by hand.
 * npm writes its own list last, so an install that was cut short has none.
 * @param {string} root
 */
export function isInstalled(root) {
  const installedText = readIfThere(join(root, "node_modules", ".package-lock.json"));
  if (installedText === undefined) return false;
  const installed = JSON.parse(installedText).packages;
  const wanted = readJson(join(root, "package-lock.json")).packages;
  for (const [path, entry] of Object.entries(wanted)) {
    if (!path.includes("node_modules/")) continue;
    const there = installed[path];
    if (there === undefined && (entry.optional || entry.devOptional || entry.peer)) continue;
    if (there?.version !== entry.version || there?.integrity !== entry.integrity) return false;
  }
  return Object.keys(installed).every((path) => path in wanted);
}

/**
 * @param {NodeRuntime} node
 * @param {Hold} hold
 */
async function runBuild(node, hold) {
  const builtOver = join(ROOT, ".scratch", "built-over.stamp");
  const dependencies = hashOf(join(ROOT, "package-lock.json"));
  const isOverNew = readIfThere(builtOver) !== dependencies;
  for (const { name, args, overNewDependencies = [], inputs = [], output = "" } of BUILD_STEPS) {
    const stamp = join(ROOT, ".scratch", `${output.replaceAll(/\W+/g, "-")}.stamp`);
    const made = inputs.length === 0 ? undefined : hashOfAll(ROOT, inputs);
    if (made !== undefined && existsSync(join(ROOT, output)) && readIfThere(stamp) === made) continue;
    rmSync(stamp, { force: true });
    const ended = await step(node.path, isOverNew ? [...args, ...overNewDependencies] : args, { cwd: ROOT, env: { ...node.env, NODE_ENV: "production" }, onStart: hold });
    if (ended.code !== 0) throw new SetUpError(name, "Mend what it names and run the command again.", ended.output);
    if (made === undefined) continue;
    mkdirSync(dirname(stamp), { recursive: true });
    writeFileSync(stamp, made);
  }
  mkdirSync(dirname(builtOver), { recursive: true });
  writeFileSync(builtOver, dependencies);
}

/**
 * One hash over the names and contents of files and folders, tests and what was built left out.
 * @param {string} root
 * @param {readonly string[]} paths
 */
export function hashOfAll(root, paths) {
  const sum = createHash("sha256");
  /** @param {string} path */
  const take = (path) => {
    const full = join(root, path);
    const entries = statSync(full).isDirectory() ? readdirSync(full).toSorted() : undefined;
    if (entries === undefined) sum.update(`${path}\0${hashOf(full)}\n`);
    for (const name of entries ?? []) if (!/^(dist|node_modules|fixture)$|\.test\.tsx?$/.test(name)) take(`${path}/${name}`);
  };
  for (const path of paths) take(path);
  return sum.digest("hex");
}

/**
 * @param {string} nodePath
 * @param {NodeJS.ProcessEnv} env
 * @param {string} cwd
 * @param {string} name
 * @param {Hold} hold
 */
async function npmCi(nodePath, env, cwd, name, hold) {
  const { command, args, shell } = npm(nodePath);
  // Said in full, because NODE_ENV=production or a user's own `omit` would leave out what the build needs.
  const flags = ["ci", "--include=dev", "--include=optional", "--include=peer", "--no-audit", "--no-fund", "--no-progress"];
  const ended = await step(command, [...args, ...flags], { cwd, env, shell, onStart: hold });
  if (ended.code === 0) return;
  const outOfStep = ended.output.includes("are in sync");
  throw new SetUpError(
    name,
    outOfStep
      ? "package.json and package-lock.json disagree: run `npm install` and commit both."
      : "Check the network, the disk and that `npm --version` works, then run the command again.",
    // What follows is npm's manual, not the reason.
    ended.output.split(/^npm error Clean install a project$/m)[0] ?? "",
  );
}

/**
 * How to call npm under a certain Node: the npm that started us, else the one on PATH.
 * @param {string} nodePath
 */
export function npm(nodePath) {
  const cli = process.env["npm_execpath"];
  if (cli !== undefined && /^npm-cli\.c?js$/.test(basename(cli)) && existsSync(cli)) {
    return { command: nodePath, args: [cli], shell: false };
  }
  return { command: "npm", args: [], shell: process.platform === "win32" };
}

/**
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd: string, env: NodeJS.ProcessEnv, shell?: boolean, onStart: Hold }} options
 */
async function step(command, args, options) {
  const ended = await runChild(command, args, options);
  if (ended.interruptedBy !== null) throw new Interrupted(ended.interruptedBy);
  return ended;
}

// `npm start` tells its children about itself (which package, which folder); an npm inside it would believe that.
/** @param {NodeJS.ProcessEnv} env */
function withoutRunVariables(env) {
  const own = /^npm_(package|lifecycle)_|^npm_(command|node_execpath)$|^npm_config_(local_prefix|node_gyp)$|^INIT_CWD$/;
  return Object.fromEntries(Object.entries(env).filter(([key]) => !own.test(key)));
}

/** @param {string} text */
function note(text) {
  process.stderr.write(`countersign: ${text}\n`);
}

/** @param {string} path */
function hashOf(path) {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}

/** @param {string} path */
function readIfThere(path) {
  return existsSync(path) ? readFileSync(path, "utf8") : undefined;
}

/** @param {string} path */
function readJson(path) {
  return JSON.parse(readFileSync(path, "utf8"));
}
