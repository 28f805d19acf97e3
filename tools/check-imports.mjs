// Imports run one way: this reads every source file and compares its imports with boundaries.mjs, looks for cycles,
// and for packages that nobody declared. Run by `npm run check`; `node tools/check-imports.mjs [root]` alone.
import { existsSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { INBOX, OWN_PACKAGES, SDK, SERVER } from "./boundaries.mjs";
import { readImports } from "./read-imports.mjs";
import { trackedFiles } from "./tracked-files.mjs";

/**
 * @typedef {import("./read-imports.mjs").Import} Import
 * @typedef {import("./boundaries.mjs").Boundaries} Boundaries
 * @typedef {ReadonlyMap<string, readonly Import[]>} Graph imports by file
 */

const SOURCE_FILE = /\.(ts|tsx|mts|mjs|js)$/;
const CODE_FOLDERS = /^(packages|examples|conformance|bench|test|tools)\//;
// Tests and the programs they start: never shipped.
const TEST_FILE = /\.test\.tsx?$|\/fixture\//;

/**
 * @param {string} root
 * @param {readonly Boundaries[]} [boundaries]
 * @returns {readonly string[]} one line per violation, with file, line and what to do
 */
export function checkImports(root, boundaries = [SDK, SERVER, INBOX]) {
  /** @type {Map<string, readonly Import[]>} */
  const graph = new Map();
  for (const path of trackedFiles(root)) {
    if (!SOURCE_FILE.test(path) || path.endsWith(".d.ts")) continue;
    if (CODE_FOLDERS.test(path) || path === "vitest.config.ts") {
      graph.set(path, readImports(path, readFileSync(join(root, path), "utf8")));
    }
  }
  return [
    ...boundaries.flatMap((boundary) => checkDirections(graph, boundary)),
    ...boundaries.flatMap((boundary) => checkReserved(graph, boundary)),
    ...checkCycles(graph),
    ...checkPackages(root, graph),
  ].toSorted();
}

/**
 * @param {Graph} graph
 * @param {Boundaries} boundary
 */
function checkDirections(graph, { source, units, everyone, vocabulary, free }) {
  const problems = [];
  for (const [path, imports] of graph) {
    if (!path.startsWith(`${source}/`) || TEST_FILE.test(path)) continue;
    const from = unitOf(path.slice(source.length + 1));
    if (free.includes(from)) continue;
    const allowed = units[from];
    if (allowed === undefined) {
      problems.push(`${path}: "${from}" has no place in tools/boundaries.mjs; say there what it may import`);
      continue;
    }
    for (const { specifier, typeOnly, line } of imports) {
      const target = targetOf(path, specifier, source);
      if (target === undefined || target.unit === from || everyone.includes(target.unit)) continue;
      if (allowed.values?.includes(target.unit)) continue;
      const asType = allowed.types?.includes(target.unit) ?? false;
      if (asType && (typeOnly || vocabulary.includes(target.file))) continue;
      const rule = asType ? `may import types of "${target.unit}" only (import type)` : `must not import "${target.unit}"`;
      problems.push(`${path}:${line}: "${from}" ${rule}: ${specifier}`);
    }
  }
  return problems;
}

/**
 * Names that only one unit may hold. A whole-module import would bring the name along, so it counts; so does a
 * re-export. Tests may: they prove what the name does.
 * @param {Graph} graph
 * @param {Boundaries} boundary
 */
function checkReserved(graph, { source, onlyFor }) {
  const problems = [];
  for (const { file, name, importers } of onlyFor) {
    for (const [path, imports] of graph) {
      if (TEST_FILE.test(path)) continue;
      const inside = path.startsWith(`${source}/`) ? unitOf(path.slice(source.length + 1)) : "";
      if (importers.includes(inside)) continue;
      for (const { specifier, typeOnly, names, line } of imports) {
        const target = resolveRelative(path, specifier);
        if (target !== `${source}/${file}` || typeOnly) continue;
        if (names.includes(name) || names.includes("*")) {
          problems.push(`${path}:${line}: ${name} of ${file} may be imported by ${importers.join(", ")} only`);
        }
      }
    }
  }
  return problems;
}

/**
 * Cycles of imports that load modules. Types may point at each other: they are gone before anything runs.
 * @param {Graph} graph
 */
function checkCycles(graph) {
  /** @type {string[]} */
  const problems = [];
  /** @type {Set<string>} */
  const finished = new Set();
  /** @type {string[]} */
  const trail = [];
  /** @param {string} path */
  const visit = (path) => {
    const start = trail.indexOf(path);
    if (start !== -1) {
      problems.push(`cycle: ${[...trail.slice(start), path].join(" -> ")}`);
      return;
    }
    if (finished.has(path)) return;
    trail.push(path);
    for (const { specifier, typeOnly } of graph.get(path) ?? []) {
      const target = resolveRelative(path, specifier);
      if (!typeOnly && target !== undefined && graph.has(target)) visit(target);
    }
    trail.pop();
    finished.add(path);
  };
  for (const path of graph.keys()) visit(path);
  return problems;
}

/**
 * @param {string} root
 * @param {Graph} graph
 */
function checkPackages(root, graph) {
  const problems = [];
  const workspace = manifest(root, "");
  for (const [path, imports] of graph) {
    const folder = packageFolder(root, path);
    const own = manifest(root, folder);
    const runtime = [own.name, ...Object.keys({ ...own.dependencies, ...own.peerDependencies, ...own.optionalDependencies })];
    // What is never shipped may use the tools of the workspace; what is shipped brings what it needs.
    const shipped = path.startsWith("packages/") && own.private !== true && !TEST_FILE.test(path);
    const development = shipped ? [] : Object.keys({ ...own.devDependencies, ...workspace.devDependencies });
    const known = new Set([...runtime, ...development, ...(path.startsWith("packages/") ? [] : Object.keys(OWN_PACKAGES))]);
    for (const { specifier, line } of imports) {
      const target = resolveRelative(path, specifier);
      // Benchmarks measure single steps, which no package hands out; tests share what tests are made with.
      const isFree = path.startsWith("bench/") || (!shipped && TEST_FILE.test(target ?? ""));
      if (target?.startsWith("packages/") && !target.startsWith(`${folder}/`) && !isFree) {
        problems.push(`${path}:${line}: reaches into another package: ${specifier}; import it by its name`);
      }
      if (target !== undefined || specifier.startsWith("node:")) continue;
      const name = specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
      if (builtinModules.includes(name)) {
        problems.push(`${path}:${line}: write node:${specifier}`);
      } else if (!known.has(name)) {
        problems.push(`${path}:${line}: ${name} is not a dependency in ${posix.join(folder, "package.json")}`);
      }
    }
  }
  return problems;
}

/** @param {string} inside path from the source folder */
function unitOf(inside) {
  return inside.includes("/") ? (inside.split("/")[0] ?? "") : inside.replace(/\..*$/, "");
}

/**
 * @param {string} path
 * @param {string} specifier
 * @param {string} source
 */
function targetOf(path, specifier, source) {
  for (const [name, unit] of Object.entries(OWN_PACKAGES)) {
    if (specifier === name || specifier.startsWith(`${name}/`)) return { unit, file: "" };
  }
  const target = resolveRelative(path, specifier);
  if (target === undefined) return undefined;
  if (!target.startsWith(`${source}/`)) return { unit: target, file: "" };
  const file = target.slice(source.length + 1);
  return { unit: unitOf(file), file };
}

/**
 * @param {string} path
 * @param {string} specifier
 */
function resolveRelative(path, specifier) {
  return specifier.startsWith(".") ? posix.join(posix.dirname(path), specifier) : undefined;
}

/**
 * @param {string} root
 * @param {string} path
 */
function packageFolder(root, path) {
  let folder = posix.dirname(path);
  while (folder !== "." && !existsSync(join(root, folder, "package.json"))) folder = posix.dirname(folder);
  return folder === "." ? "" : folder;
}

/**
 * @param {string} root
 * @param {string} folder
 */
function manifest(root, folder) {
  const path = join(root, folder, "package.json");
  return existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : {};
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const problems = checkImports(process.argv[2] ?? dirname(dirname(fileURLToPath(import.meta.url))));
  for (const problem of problems) process.stdout.write(`${problem}\n`);
  process.exitCode = problems.length > 0 ? 1 : 0;
}
