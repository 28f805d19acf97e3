// The one door to every command of the repository: `node tools/run.mjs start|test|check|build|bench|conformance|pictures`.
// It sets up what is missing (set-up.mjs), then runs the command under a Node that is new enough, with this
// terminal, and ends as the command ended. Plain JavaScript for any Node >= 18, without dependencies.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Interrupted, endLike, runChild } from "./child.mjs";
import { ROOT, SetUpError, setUp } from "./set-up.mjs";

const VITEST = "node_modules/vitest/vitest.mjs";

/** `npm run conformance -- --long`: at full size too, the suites that are the proof of a promise by their numbers alone. */
const LONG_SUITES = [
  "conformance/",
  "packages/sdk/src/policy/differential.test.ts",
  "packages/sdk/src/approval/escape.test.ts",
  "packages/sdk/src/approval/call-view.test.ts",
  "packages/sdk/src/handlers/prompt-approval.tmux.test.ts",
  "packages/server/src/control/request/request-model.test.ts",
  "packages/server/src/control/request/linearizable.test.ts",
  "packages/server/src/control/request/quorum.test.ts",
  "packages/server/src/control/record/verify-export.test.ts",
  "packages/server/src/gateway/complete-mediation.test.ts",
  "packages/server/src/gateway/http/complete-mediation.test.ts",
  "packages/server/src/gateway/http/cut-streams.test.ts",
  "packages/server/src/store/crash.test.ts",
  "packages/server/src/store/power-cut.test.ts",
];

/**
 * `check` and `test` build inside, so that a type error is one failed check and not the end of the run.
 * @type {Readonly<Record<string, { does: string, build: boolean, folders?: readonly string[], run?: readonly string[] }>>}
 */
const COMMANDS = {
  start: { does: "the main job, embedded: nothing to set up", build: true, run: ["examples/start/main.ts"] },
  test: { does: "everything CI runs", build: false, run: ["tools/test.mjs"] },
  check: { does: "types, lint, boundaries, dead code, package shape, docs", build: false, run: ["tools/check.mjs"] },
  build: { does: "compile the packages", build: true },
  bench: { does: "ratios, measured in one run", build: true, folders: ["bench/peers"], run: ["bench/main.ts"] },
  conformance: { does: "the black-box promises; with --long the long runs too", build: true, folders: ["conformance/clients"], run: [VITEST, "run", "--project", "conformance"] },
  pictures: { does: "the pictures of README, taken anew", build: true, run: ["conformance/inbox/pictures/take-pictures.ts"] },
};

/**
 * What to run, with what arguments and environment.
 * @param {string} name
 * @param {readonly string[]} run
 * @param {readonly string[]} args
 */
function commandLine(name, run, args) {
  const env = name === "conformance" ? { COUNTERSIGN_CONFORMANCE: "1" } : {};
  if (name !== "conformance" || !args.includes("--long")) return { line: [...run, ...args], env };
  const rest = args.filter((arg) => arg !== "--long");
  return { line: [...run, "--project", "packages", ...LONG_SUITES, ...rest], env: { ...env, COUNTERSIGN_LONG: "1" } };
}

/**
 * @param {string | undefined} name
 * @param {readonly string[]} args
 */
async function main(name, args) {
  const command = name !== undefined && Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) {
    const lines = Object.entries(COMMANDS).map(([known, { does }]) => `  ${known.padEnd(12)} ${does}`);
    process.stderr.write(`usage: node tools/run.mjs <command> [arguments]\n${lines.join("\n")}\n`);
    process.exitCode = 2;
    return;
  }
  const node = await setUp(command);
  if (command.run === undefined) return;
  const { env, line } = commandLine(name ?? "", command.run, args);
  const [script = ""] = line;
  if (!existsSync(join(ROOT, script))) {
    throw new SetUpError(`start ${name}`, "Is this checkout complete? `git status` tells.", `${script} is not here.`);
  }
  endLike(await runChild(node.path, line, { cwd: ROOT, env: { ...node.env, ...env }, show: true }));
}

const [, , name, ...args] = process.argv;
try {
  await main(name, args);
} catch (error) {
  if (error instanceof Interrupted) {
    endLike({ code: null, signal: error.signal });
  } else {
    process.stderr.write(`${error instanceof SetUpError ? error.message : String(error)}\n`);
    process.exitCode = 1;
    // Whoever counts reads the last line: a run that could not begin has one failure, not none.
    if (name === "test") process.stdout.write("0 passed, 1 failed\n");
  }
}
