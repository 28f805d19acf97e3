// The files of the repository as git sees them: tracked, and new ones that no .gitignore leaves out, so that a check
// speaks up before the commit. Without git (an unpacked tarball) the folders are walked instead.
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

const NEVER = new Set(["node_modules", "dist", ".git", ".scratch", "coverage"]);

/**
 * @param {string} root
 * @returns {readonly string[]} paths from the root, with `/`
 */
export function trackedFiles(root) {
  if (!existsSync(join(root, ".git"))) return walk(root, "").toSorted();
  const listed = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  const paths = new Set(listed.split("\0").filter((path) => path !== ""));
  return [...paths].filter((path) => existsSync(join(root, path))).toSorted();
}

/**
 * @param {string} root
 * @param {string} folder
 * @returns {string[]}
 */
function walk(root, folder) {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) return NEVER.has(entry.name) ? [] : walk(root, path);
    return entry.isFile() ? [path] : [];
  });
}
