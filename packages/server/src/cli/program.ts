/**
 * The command line: arguments in, exit code out. Errors end here, as one message for people. It never calls process.exit, so
 * that output is written in full. Called by main.ts, and by tests.
 */
import { Command } from "commander";
import { controlCommands, reachingControl } from "./control.ts";
import { withConfigCommands } from "./gateway-commands.ts";
import { withInstallCommands } from "./gateway-install.ts";
import { policyCommand } from "./policy.ts";
import { gatewayCommand } from "./gateway.ts";
import type { GatewayPorts } from "./start-gateway.ts";

/** Runs one command. `args` without program and script. Never rejects. */
export async function runProgram(args: readonly string[], ports: GatewayPorts): Promise<number> {
  let code = 0;
  const program = new Command("countersign").description("Human approval and policy for MCP tool calls.").showHelpAfterError("(--help shows what there is)").enablePositionalOptions();
  const dashes = args.indexOf("--");
  const afterDashes = dashes === -1 ? [] : args.slice(dashes + 1);
  const done = (ended: number): void => void (code = ended);
  for (const command of controlCommands(ports, done)) program.addCommand(command);
  program.addCommand(policyCommand(ports, done, afterDashes, reachingControl(ports.env)));
  program.addCommand(withConfigCommands(withInstallCommands(gatewayCommand(ports, done, afterDashes), args, ports, done), args, ports, done));
  for (const command of withSubcommands(program)) {
    command.exitOverride().configureOutput({ writeOut: (text) => ports.out(text.trimEnd()), writeErr: (text) => ports.err(text.trimEnd()) });
    command.showHelpAfterError("(--help shows what there is)");
  }
  try {
    await program.parseAsync([...args], { from: "user" });
    return code;
  } catch (error) {
    const { reportFailure } = await import("./report-failure.ts");
    return reportFailure(error, ports);
  }
}

function withSubcommands(command: Command): readonly Command[] {
  return [command, ...command.commands.flatMap(withSubcommands)];
}
