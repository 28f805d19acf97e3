import { join } from "node:path";
import { expect, it } from "vitest";
import { recordCalls } from "./fixture/record-calls.ts";
import { workspace } from "./fixture/run-cli.ts";
import { readDecisions } from "./read-decisions.ts";
import { realPorts } from "./real-ports.ts";

it("a replayed call has its own keys, also where one that is written with an escape looks like another call's", async () => {
  const files = await workspace();
  const state = join(files.directory, "state");
  const keys = ["\\", '"', "\n", "\t"];
  await recordCalls(files.directory, state, keys.map((key) => ({ tool: "list_allowed_directories", args: { "": "a", [key]: "b" } })));
  const { calls } = await readDecisions(state, realPorts());
  expect(calls.map((call) => Object.keys(call.arguments ?? {}))).toEqual(keys.map((key) => ["", key]));
});
