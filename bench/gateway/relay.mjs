// What any program between a client and its server costs at least: it starts the server and passes bytes on, or parses every line first.
// Plain JavaScript: it is started cold, and types would have to be taken off first.
import { spawn } from "node:child_process";

const [how = "bytes", command = "", ...args] = process.argv.slice(2);
const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
child.on("close", (code) => (process.exitCode = code ?? 1));
if (how === "bytes") {
  process.stdin.pipe(child.stdin);
  child.stdout.pipe(process.stdout);
} else {
  process.stdin.on("end", () => child.stdin.end());
  pass(process.stdin, child.stdin);
  pass(child.stdout, process.stdout);
}

/**
 * @param {NodeJS.ReadableStream} from
 * @param {NodeJS.WritableStream} to
 */
function pass(from, to) {
  let rest = "";
  from.setEncoding("utf8");
  from.on("data", (/** @type {string} */ chunk) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      JSON.parse(line);
      to.write(`${line}\n`);
    }
  });
}
