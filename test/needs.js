// What a suite may need from the machine, and how it says that it is not there:
//   const browser = findChromium();
//   describe("the inbox", () => { it("opens", ({ skip }) => { skip(browser.path === undefined, browser.missing); … }) })
// `npm test` names every skipped test with this reason; a skip without one is a failure.
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";
/** Chromium or Chrome: COUNTERSIGN_TEST_CHROMIUM if set, else the usual names on PATH. */
export function findChromium(env = process.env) {
    const named = env["COUNTERSIGN_TEST_CHROMIUM"];
    const missing = "no Chromium on PATH; install one or name it in COUNTERSIGN_TEST_CHROMIUM";
    if (named !== undefined && named !== "") {
        return { path: isProgram(named) ? named : undefined, missing: "COUNTERSIGN_TEST_CHROMIUM names no program" };
    }
    const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    return { path: names.map((name) => findProgram(name, env).path).find((path) => path !== undefined), missing };
}
/** A program of this name on PATH, such as `tmux`. */
export function findProgram(name, env = process.env) {
    const folders = (env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
    const path = folders.map((folder) => join(folder, name)).find(isProgram);
    return { path, missing: `no ${name} on PATH` };
}
function isProgram(path) {
    try {
        accessSync(path, constants.X_OK);
        return statSync(path).isFile();
    }
    catch {
        return false;
    }
}
//# sourceMappingURL=needs.js.map