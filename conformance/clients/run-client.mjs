// A client of client/ as a process: `node run-client.mjs NAME TARGET`. A line of JSON in is a call of a tool, a line of JSON out is what the
// library gave back for it, whatever that was. Plain JavaScript: what it imports is there in `npm run conformance` alone.
import { createInterface } from "node:readline";

/**
 * @typedef {{ url?: string, command?: readonly string[] }} Target
 * @typedef {{ call: (name: string, given: object) => Promise<unknown>, close: () => Promise<void> }} Connected
 * @typedef {(target: Target) => Promise<Connected>} Connect
 */

const [, , name = "", target = "{}"] = process.argv;
const write = process.stdout.write.bind(process.stdout);
/** Libraries print what they like; our lines alone go to standard output. */
console.log = console.info = console.debug = console.error;

/** @param {object} message */
const say = (message) => write(`${JSON.stringify(message)}\n`);

/** @type {{ connect: Connect }} */
const { connect } = await import(`./client/${name}.mjs`);
const connected = await connect(JSON.parse(target));
say({ ready: true });
for await (const line of createInterface({ input: process.stdin })) {
  const { id, tool, given } = JSON.parse(line);
  connected.call(tool, given).then(
    (value) => say({ id, value }),
    (/** @type {unknown} */ error) => say({ id, threw: error instanceof Error ? `${error.name}: ${error.message}` : String(error) }),
  );
}
await connected.close();
process.exit(0);
