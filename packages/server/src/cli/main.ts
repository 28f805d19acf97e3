#!/usr/bin/env node
/** The program `countersign`. Loading this file runs it; everything else is in program.ts. */
import { runProgram } from "./program.ts";
import { realPorts } from "./real-ports.ts";

process.exitCode = await runProgram(process.argv.slice(2), realPorts());
