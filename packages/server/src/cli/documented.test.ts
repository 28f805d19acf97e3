import { execFile } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { dirname } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { askBodyOf } from "../control/fixture/open-embedded.ts";
import { startTestPostgres } from "../store/fixture/test-postgres.ts";
import { createOperator, isAlive, MAIN, until, type Operator } from "./fixture/operator.ts";

const run = promisify(execFile);
const EXAMPLES = fileURLToPath(new URL("../../../../examples", import.meta.url));
const SCRIPT = `${EXAMPLES}/docs/control-plane/operate.sh`;

let operator: Operator;
beforeEach(() => {
  operator = createOperator();
});
afterEach(() => operator.close());

async function has(program: string): Promise<boolean> {
  return run("sh", ["-c", `command -v ${program}`]).then(() => true, () => false);
}

// Some thirty commands, one after the other, each with a process of its own.
it("what docs/control-plane.md shows works from top to bottom", { timeout: 120_000 }, async ({ skip }) => {
  for (const program of ["curl", "openssl"]) if (!(await has(program))) return skip(`no ${program} on PATH`);
  const postgres = await startTestPostgres();
  try {
    mkdirSync(operator.path("bin"));
    writeFileSync(operator.path("bin/countersign"), `#!/bin/sh\nexec '${process.execPath}' '${MAIN}' "$@"\n`);
    chmodSync(operator.path("bin/countersign"), 0o755);
    // Anybody may approve in the script, since those whom the document of the README names are not there.
    const document = readFileSync(`${EXAMPLES}/countersign.policy.yaml`, "utf8").replace(/\n +approvers: .*/, "");
    writeFileSync(operator.path("countersign.policy.yaml"), document);
    writeFileSync(operator.path("ask.json"), JSON.stringify(askBodyOf({ path: "/home/you/hello.txt" })));
    const PATH = `${operator.path("bin")}:${dirname(process.execPath)}:${process.env["PATH"] ?? ""}`;
    const env = { ...operator.env, PATH, ASK: operator.path("ask.json"), ...("missing" in postgres ? {} : { POSTGRES_URL: await postgres.createDatabase() }) };
    const { stdout, stderr } = await run("sh", [SCRIPT], { cwd: operator.home, env }).catch((error: unknown) => {
      throw new Error(`it ended early: ${error instanceof Error && "stdout" in error ? `${String(error.stdout)}\n${error.message}` : ""}`);
    });
    expect(stdout).toContain('"state":"approved"');
    expect(stdout).toContain('"choice":"approve"');
    expect(stdout).toContain("/home/you/hello.txt");
    expect(stdout).toMatch(/Proved up to row \d+|Signed up to row \d+|No checkpoint proves it/);
    expect(stderr).not.toContain("    at ");
    if (!("missing" in postgres)) expect(stdout).toContain(", postgres)");
    for (const [, pid] of stdout.matchAll(/\(process (\d+); log/g)) await until(() => (isAlive(Number(pid)) ? undefined : true));
  } finally {
    if (!("missing" in postgres)) await postgres.stop();
  }
});
