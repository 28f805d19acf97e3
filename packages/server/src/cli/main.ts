#!/usr/bin/env node
/** The program `countersign`. Loading this file runs it; everything else is in program.ts. */
import { whyNodeIsTooOld } from "./old-node.ts";

const complaint = whyNodeIsTooOld(process.versions.node);
if (complaint === undefined) {
  const [{ runProgram }, { realPorts }] = await Promise.all([import("./program.ts"), import("./real-ports.ts")]);
  process.exitCode = await runProgram(process.argv.slice(2), realPorts());
} else {
  process.stderr.write(`${complaint}\n`);
  process.exitCode = 2;
}
