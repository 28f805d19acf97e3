// Docs do not drift: every code block is a file, or a region of one, that is compiled and run elsewhere; every
// relative link leads somewhere. Run by `npm run check`; `node tools/check-docs.mjs --write` copies the code anew.
//   ```ts file=examples/start/main.ts#approve     the region `approve` of that file
//   ```text  ```console                           output and commands typed by hand: not compared
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { readAnchors, readMarkdown, readRegion } from "./fences.mjs";
import { trackedFiles } from "./tracked-files.mjs";

const PAGES = /^([A-Z]+\.md|docs\/.+\.md|(packages|examples|conformance|bench)\/(.+\/)?README\.md)$/;
const MUST_NAME_A_FILE = new Set(["ts", "tsx", "typescript", "js", "mjs", "javascript", "yaml", "yml", "sh", "bash", "shell"]);

/**
 * @param {string} root
 * @param {{ write?: boolean }} [options] `write`: mend the blocks that differ
 * @returns {readonly string[]} one line per problem
 */
export function checkDocs(root, { write = false } = {}) {
  return trackedFiles(root)
    .filter((path) => PAGES.test(path))
    .flatMap((path) => checkPage(root, path, write));
}

/**
 * @param {string} root
 * @param {string} path
 * @param {boolean} write
 */
function checkPage(root, path, write) {
  const lines = readFileSync(join(root, path), "utf8").split("\n");
  const { fences, prose } = readMarkdown(lines);
  const problems = prose.flatMap(({ line, text }) => checkLinks(root, path, line, text));
  let changed = false;
  // From the last to the first, so that a block that grows moves no block still to come.
  for (const { at, end, info, indent, body } of fences.toReversed()) {
    const where = `${path}:${at + 1}`;
    const source = /(?:^|\s)file=(\S+)/.exec(info)?.[1];
    if (source === undefined) {
      const language = info.split(/\s/)[0] ?? "";
      if (language === "") problems.push(`${where}: a code block without a language; use text or console for output`);
      if (MUST_NAME_A_FILE.has(language)) problems.push(`${where}: a ${language} block must name its source: file=<path>[#region]`);
      continue;
    }
    const wanted = readSource(root, source);
    if (wanted === undefined) {
      problems.push(`${where}: ${source} is not there`);
    } else if (wanted.join("\n") !== body.join("\n")) {
      if (!write) {
        problems.push(`${where}: differs from ${source}; node tools/check-docs.mjs --write copies it`);
        continue;
      }
      lines.splice(at + 1, end - at - 1, ...wanted.map((line) => (line === "" ? "" : indent + line)));
      changed = true;
    }
  }
  if (changed) writeFileSync(join(root, path), lines.join("\n"));
  return problems;
}

/**
 * @param {string} root
 * @param {string} source
 */
function readSource(root, source) {
  const [file = "", region] = source.split("#");
  if (!existsSync(join(root, file))) return undefined;
  const text = readFileSync(join(root, file), "utf8");
  return region === undefined ? text.replace(/\n$/, "").split("\n") : readRegion(text, region);
}

/**
 * @param {string} root
 * @param {string} path
 * @param {number} line
 * @param {string} text
 */
function checkLinks(root, path, line, text) {
  const plain = text.replace(/`[^`]*`/g, "");
  const targets = [
    ...[...plain.matchAll(/\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)/g)].map(([, target]) => target ?? ""),
    ...[...plain.matchAll(/\b(?:src|href|srcset)="([^"]+)"/g)].map(([, target]) => target ?? ""),
    ...[...plain.matchAll(/^\s*\[[^\]]+\]:\s+(\S+)/g)].map(([, target]) => target ?? ""),
  ];
  return targets.flatMap((target) => {
    if (/^[a-z][a-z0-9+.-]*:/i.test(target)) return [];
    const [file = "", anchor] = decodeURIComponent(target).split("#");
    const found = file === "" ? path : posix.normalize(posix.join(posix.dirname(path), file));
    if (found.startsWith("..") || !existsSync(join(root, found))) return [`${path}:${line}: the link ${target} leads nowhere`];
    if (anchor === undefined || anchor === "" || !found.endsWith(".md")) return [];
    const { prose } = readMarkdown(readFileSync(join(root, found), "utf8").split("\n"));
    return readAnchors(prose).has(anchor) ? [] : [`${path}:${line}: ${found} has no heading for #${anchor}`];
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const write = process.argv.includes("--write");
  const problems = checkDocs(dirname(dirname(fileURLToPath(import.meta.url))), { write });
  for (const problem of problems) process.stdout.write(`${problem}\n`);
  process.exitCode = problems.length > 0 ? 1 : 0;
}
