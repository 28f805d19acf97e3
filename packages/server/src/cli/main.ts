#!/usr/bin/env node
/** The program `countersign`. Loading this file runs it; everything else is in program.ts. */
import { whyNodeIsTooOld } from "./old-node.ts";

const complaint = whyNodeIsTooOld(process.versions.node);
// Whoever read this may have gone, as with `| head`, or was killed: that is no error of ours, and must not keep us from ending in good order.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
if (complaint === undefined) {
  const args = process.argv.slice(2);
  const [{ isGatewayRun, runGateway }, { realPorts }] = await Promise.all([import("./run-gateway.ts"), import("./real-ports.ts")]);
  if (isGatewayRun(args)) process.exitCode = await runGateway(args, realPorts());
  else {
    const { runProgram } = await import("./program.ts");
    process.exitCode = await runProgram(args, realPorts());
  }
} else {
  process.stderr.write(`${complaint}\n`);
  process.exitCode = 2;
}
