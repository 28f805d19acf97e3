/**
 * `spawn`, which on Windows also finds what is no .exe: `npx` and its like are .cmd files there, which only cmd.exe starts, with every
 * argument escaped for it. cross-spawn does that, as the official SDK does; elsewhere it is not even loaded.
 */
import { spawn } from "node:child_process";
import { createRequire } from "node:module";

// cross-spawn is CommonJS without types; it takes and answers what `spawn` does.
export const spawnProgram = process.platform === "win32" ? (createRequire(import.meta.url)("cross-spawn") as typeof spawn) : spawn;
