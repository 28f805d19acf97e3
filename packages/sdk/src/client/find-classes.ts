/** Finds the copies of the official clients that this program can load: from the SDK's own place and from the main module's. */
import { existsSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { ClientClass } from "./client-like.ts";

/** One governed class. */
export interface GovernedClass {
  readonly package: string;
  readonly version: string;
  readonly build: "esm" | "cjs";
  readonly path: string;
}

export interface FoundClass {
  readonly facts: GovernedClass;
  /** Undefined where the file could not be loaded, or need not be yet: then watch-loads.ts gets its class. */
  readonly clientClass: ClientClass | undefined;
  readonly problem: string | undefined;
}

/** Where each package keeps its client, by build. */
const CLIENT_FILES = {
  "@modelcontextprotocol/sdk": { esm: "dist/esm/client/index.js", cjs: "dist/cjs/client/index.js" },
  "@modelcontextprotocol/client": { esm: "dist/index.mjs", cjs: "dist/index.cjs" },
} as const;

/**
 * All copies, each once. Loading shares Node's module caches: a copy the program uses is the very same class. Whether an ES
 * module is loaded cannot be asked, so those are; a CommonJS file that is not is left to the watch, where there is one.
 */
export function findClientClasses(loadsAreWatched: boolean): FoundClass[] {
  const starts = [path.dirname(fileURLToPath(import.meta.url)), mainFolder()];
  const folders = new Set(starts.flatMap((start) => copiesAbove(start)));
  return [...folders].flatMap((folder) => loadCopies(folder, loadsAreWatched));
}

function mainFolder(): string {
  const main = process.argv[1];
  try {
    return main === undefined ? process.cwd() : path.dirname(realpathSync(main));
  } catch {
    return process.cwd();
  }
}

/** Folders of the packages in every node_modules above, and in those of the packages beside them. */
function copiesAbove(start: string): string[] {
  const found: string[] = [];
  for (let folder = start; ; folder = path.dirname(folder)) {
    const modules = path.join(folder, "node_modules");
    if (path.basename(folder) !== "node_modules" && existsSync(modules)) {
      found.push(...copiesIn(modules));
      for (const neighbour of packagesIn(modules)) found.push(...copiesIn(path.join(neighbour, "node_modules")));
    }
    if (path.dirname(folder) === folder) return found;
  }
}

function copiesIn(modules: string): string[] {
  return Object.keys(CLIENT_FILES)
    .map((name) => path.join(modules, name))
    .filter((folder) => existsSync(path.join(folder, "package.json")))
    .map((folder) => realpathSync(folder));
}

function packagesIn(modules: string): string[] {
  return namesIn(modules)
    .filter((name) => !name.startsWith(".") || name === ".pnpm")
    .flatMap((name) => (name.startsWith("@") || name === ".pnpm" ? namesIn(path.join(modules, name)).map((inner) => path.join(modules, name, inner)) : path.join(modules, name)));
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // what is no folder, or cannot be read, holds nothing that can be loaded, and says nothing about what lies beside it
  }
}

const load = createRequire(import.meta.url);

function loadCopies(folder: string, loadsAreWatched: boolean): FoundClass[] {
  let name = "";
  let version = "";
  try {
    // package.json of a package that npm installed.
    ({ name, version } = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8")) as { name: string; version: string });
  } catch {
    return [];
  }
  if (!isClientPackage(name)) return [];
  const files = CLIENT_FILES[name];
  return (["esm", "cjs"] as const).flatMap((build) => {
    const file = path.join(folder, files[build]);
    if (!existsSync(file)) return [];
    const later = build === "cjs" && loadsAreWatched && load.cache[file] === undefined;
    return [{ facts: { package: name, version, build, path: file }, ...(later ? NOT_YET : loadClass(file)) }];
  });
}

/** Version of the package that a client's file belongs to, or "" where that cannot be read. */
export function versionAt(file: string): string {
  const root = /^(.*\/@modelcontextprotocol\/(?:sdk|client))\//.exec(file)?.[1];
  try {
    // package.json of a package that npm installed.
    return (JSON.parse(readFileSync(path.join(root ?? "", "package.json"), "utf8")) as { version: string }).version;
  } catch {
    return "";
  }
}

function isClientPackage(name: string): name is keyof typeof CLIENT_FILES {
  return Object.hasOwn(CLIENT_FILES, name);
}

const NOT_YET = { clientClass: undefined, problem: undefined };

function loadClass(file: string): Pick<FoundClass, "clientClass" | "problem"> {
  try {
    const loaded: unknown = load(file);
    const clientClass: unknown = loaded !== null && typeof loaded === "object" ? Reflect.get(loaded, "Client") : undefined;
    if (typeof clientClass === "function") return { clientClass, problem: undefined };
    return { clientClass: undefined, problem: "it exports no Client" };
  } catch (error) {
    return { clientClass: undefined, problem: error instanceof Error ? error.message.split("\n")[0] : String(error) };
  }
}
