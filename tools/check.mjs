// Everything that can be said about the repository without running it: one line per check, under a minute.
// Called by `npm run check`, and by test.mjs as its first suite. Each check is a program of its own that prints what
// is wrong and ends with an exit code, so each can be run alone.
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { runChild } from "./child.mjs";
import { ROOT, SetUpError, setUp } from "./set-up.mjs";

/** @typedef {{ name: string, passed: boolean, seconds: number, output: string }} CheckResult */

/** @type {readonly { name: string, args: readonly string[] }[]} */
const CHECKS = [
  { name: "lint", args: ["node_modules/oxlint/bin/oxlint", "--deny-warnings", "--format=unix"] },
  { name: "boundaries", args: ["tools/check-imports.mjs"] },
  { name: "files", args: ["tools/check-files.mjs"] },
  { name: "dead code", args: ["node_modules/knip/bin/knip.js", "--no-progress"] },
  { name: "package shape", args: ["tools/check-package.mjs"] },
  { name: "docs", args: ["tools/check-docs.mjs"] },
];

/**
 * @param {(result: CheckResult) => void} onResult called as each check ends
 * @returns {Promise<readonly CheckResult[]>}
 */
export async function runChecks(onResult) {
  /** @type {CheckResult[]} */
  const results = [];
  /**
   * @param {string} name
   * @param {() => Promise<{ passed: boolean, output: string }>} work
   */
  const measure = async (name, work) => {
    const started = performance.now();
    const { passed, output } = await work();
    const result = { name, passed, output, seconds: (performance.now() - started) / 1000 };
    results.push(result);
    onResult(result);
  };

  // First and alone: the others read what it builds.
  await measure("types", buildAll);
  const waiting = [...CHECKS];
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { name, args } = next;
      await measure(name, async () => {
        const ended = await runChild(process.execPath, args, { cwd: ROOT, env: { ...process.env, NO_COLOR: "1" } });
        return { passed: ended.code === 0, output: ended.output };
      });
    }
  };
  await Promise.all(Array.from({ length: Math.max(2, availableParallelism()) }, worker));
  return results;
}

/** @param {CheckResult} result */
export function printCheck({ name, passed, seconds, output }) {
  process.stdout.write(`${passed ? "ok    " : "FAILED"} ${name.padEnd(16)} ${seconds.toFixed(1).padStart(6)} s\n`);
  if (!passed) process.stdout.write(`${output.trim().replace(/^/gm, "       ")}\n`);
}

async function buildAll() {
  try {
    await setUp({ build: true });
    return { passed: true, output: "" };
  } catch (error) {
    if (error instanceof SetUpError) return { passed: false, output: error.message };
    throw error;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const results = await runChecks(printCheck);
  const failed = results.filter(({ passed }) => !passed).length;
  process.stdout.write(`${results.length - failed} passed, ${failed} failed\n`);
  process.exitCode = failed > 0 ? 1 : 0;
}
