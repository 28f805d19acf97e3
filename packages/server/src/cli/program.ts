/**
 * The command line: arguments in, exit code out. Errors end here, as one message for people. It never calls process.exit, so
 * that output is written in full. Called by main.ts, and by tests.
 */
import { PolicyDocumentError } from "@countersign/sdk";
import { Command, CommanderError } from "commander";
import { controlCommands, reachingControl } from "./control.ts";
import { withInstallCommands } from "./gateway-install.ts";
import { policyCommand } from "./policy.ts";
import { CheckFailure, UsageError, type ExitCode } from "./ports.ts";
import type { UpPorts } from "./up.ts";

/** Runs one command. `args` without program and script. Never rejects. */
export async function runProgram(args: readonly string[], ports: UpPorts): Promise<ExitCode> {
  let code: ExitCode = 0;
  const program = new Command("countersign").description("Human approval and policy for MCP tool calls.").showHelpAfterError("(--help shows what there is)");
  const dashes = args.indexOf("--");
  const done = (ended: ExitCode): void => void (code = ended);
  for (const command of controlCommands(ports, done)) program.addCommand(command);
  program.addCommand(policyCommand(ports, done, dashes === -1 ? [] : args.slice(dashes + 1), reachingControl(ports.env)));
  program.addCommand(withInstallCommands(new Command("gateway").description("Stand in front of MCP servers, whatever the client."), args, ports, done));
  for (const command of withSubcommands(program)) {
    command.exitOverride().configureOutput({ writeOut: (text) => ports.out(text.trimEnd()), writeErr: (text) => ports.err(text.trimEnd()) });
    command.showHelpAfterError("(--help shows what there is)");
  }
  try {
    await program.parseAsync([...args], { from: "user" });
    return code;
  } catch (error) {
    return report(error, ports);
  }
}

function withSubcommands(command: Command): readonly Command[] {
  return [command, ...command.commands.flatMap(withSubcommands)];
}

function report(error: unknown, { err }: Pick<UpPorts, "err">): ExitCode {
  // Commander has said it already; help is no error.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof UsageError) {
    err(error.message);
    return 2;
  }
  if (error instanceof CheckFailure || error instanceof PolicyDocumentError) {
    err(error.message);
    return 1;
  }
  err(`Something failed that should not: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  return 1;
}
