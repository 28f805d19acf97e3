// Vitest's view of a run, written as JSON for test.mjs: per file the seconds and counts, each skipped test with the
// reason it gave to `ctx.skip(reason)`, and what failed. A run that ends without this file did not end well.
import { writeFileSync } from "node:fs";
import { relative } from "node:path";

/**
 * @typedef {{ name: string, reason: string | null }} Skipped
 * @typedef {{ name: string, message: string }} Failure `name`: the test, or where in the file it was outside of any
 * @typedef {object} SuiteResult
 * @property {string} file
 * @property {number} seconds
 * @property {number} passed
 * @property {number} failed
 * @property {readonly Skipped[]} skipped
 * @property {readonly Failure[]} failures
 *
 * @typedef {{ suites: readonly SuiteResult[], unhandledErrors: readonly string[] }} RunReport
 */

/** As much of an error as the end of a long output has room for. */
const SHOWN_CHARACTERS = 2_000;

export default class SuiteReporter {
  #root = "";

  /** @param {import("vitest/node").Vitest} vitest */
  onInit(vitest) {
    this.#root = vitest.config.root;
  }

  /**
   * @param {readonly import("vitest/node").TestModule[]} modules
   * @param {readonly import("vitest").SerializedError[]} unhandledErrors
   */
  onTestRunEnd(modules, unhandledErrors) {
    const path = process.env["COUNTERSIGN_TEST_REPORT"];
    if (path === undefined) return;
    /** @type {RunReport} */
    const report = { suites: modules.map((module) => this.#suite(module)), unhandledErrors: unhandledErrors.map(describe) };
    writeFileSync(path, JSON.stringify(report));
  }

  /**
   * @param {import("vitest/node").TestModule} module
   * @returns {SuiteResult}
   */
  #suite(module) {
    const { collectDuration, setupDuration, prepareDuration, environmentSetupDuration, duration } = module.diagnostic();
    /** @type {Skipped[]} */
    const skipped = [];
    /** @type {Failure[]} */
    const failures = [];
    let passed = 0;
    for (const test of module.children.allTests()) {
      const result = test.result();
      if (result.state === "passed") passed += 1;
      else if (result.state === "skipped") skipped.push({ name: test.fullName, reason: result.note ?? null });
      else failures.push({ name: test.fullName, message: (result.errors ?? []).map(describe).join("\n") });
    }
    // A file that does not load, or a hook that fails, has no failed test: it still is a failure.
    const outside = outsideErrors(module);
    if (outside !== "" || (failures.length === 0 && module.state() === "failed")) failures.push({ name: "outside of its tests", message: outside });
    const milliseconds = collectDuration + setupDuration + prepareDuration + environmentSetupDuration + duration;
    return { file: relative(this.#root, module.moduleId), seconds: milliseconds / 1000, passed, failed: failures.length, skipped, failures };
  }
}

/** @param {import("vitest/node").TestModule} module */
function outsideErrors(module) {
  const inSuites = [...module.children.allSuites()].flatMap((suite) => suite.errors());
  return [...module.errors(), ...inSuites].map(describe).join("\n");
}

/**
 * An error and where it came from; vitest adds the test and the file that an error outside of any test came with.
 * @param {import("vitest").SerializedError} error
 */
function describe(error) {
  const during = ["VITEST_TEST_PATH", "VITEST_TEST_NAME", "VITEST_AFTER_ENV_TEARDOWN"].flatMap((key) => (typeof error[key] === "string" ? [`${key}: ${error[key]}`] : []));
  return [error.stack ?? error.message, ...during].join("\n").slice(0, SHOWN_CHARACTERS);
}
