// Vitest's view of a run, written as JSON for test.mjs: per file the seconds and counts, and each skipped test with
// the reason it gave to `ctx.skip(reason)`. A run that ends without this file did not end well.
import { writeFileSync } from "node:fs";
import { relative } from "node:path";

/**
 * @typedef {{ name: string, reason: string | null }} Skipped
 * @typedef {{ file: string, seconds: number, passed: number, failed: number, skipped: readonly Skipped[] }} SuiteResult
 * @typedef {{ suites: readonly SuiteResult[], unhandledErrors: number }} RunReport
 */

export default class SuiteReporter {
  #root = "";

  /** @param {import("vitest/node").Vitest} vitest */
  onInit(vitest) {
    this.#root = vitest.config.root;
  }

  /**
   * @param {readonly import("vitest/node").TestModule[]} modules
   * @param {readonly unknown[]} unhandledErrors
   */
  onTestRunEnd(modules, unhandledErrors) {
    const path = process.env["COUNTERSIGN_TEST_REPORT"];
    if (path === undefined) return;
    /** @type {RunReport} */
    const report = { suites: modules.map((module) => this.#suite(module)), unhandledErrors: unhandledErrors.length };
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
    let passed = 0;
    let failed = 0;
    for (const test of module.children.allTests()) {
      const result = test.result();
      if (result.state === "passed") passed += 1;
      else if (result.state === "skipped") skipped.push({ name: test.fullName, reason: result.note ?? null });
      else failed += 1;
    }
    // A file that does not load, or a hook that fails, has no failed test: it still is a failure.
    if (failed === 0 && module.state() === "failed") failed = 1;
    const milliseconds = collectDuration + setupDuration + prepareDuration + environmentSetupDuration + duration;
    return { file: relative(this.#root, module.moduleId), seconds: milliseconds / 1000, passed, failed, skipped };
  }
}
