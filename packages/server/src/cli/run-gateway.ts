/** The program where it is the gateway alone: everything else that it could do stays unloaded, since clients wait for its start. */
import { readServerStart } from "./read-server-start.ts";
import { startGateway, type GatewayPorts } from "./start-gateway.ts";

/** `gateway` and its own options, or `--`: no subcommand of it, and nothing else. */
export function isGatewayRun([command, next]: readonly string[]): boolean {
  return command === "gateway" && next?.startsWith("-") === true;
}

/** Never rejects. */
export async function runGateway(args: readonly string[], ports: GatewayPorts): Promise<number> {
  try {
    const start = readServerStart(args.slice(1));
    return await (start === undefined ? runCommand(args, ports) : startGateway(start.command, start.options, ports));
  } catch (error) {
    const { reportFailure } = await import("./report-failure.ts");
    return reportFailure(error, ports);
  }
}

async function runCommand(args: readonly string[], ports: GatewayPorts): Promise<number> {
  const { gatewayCommand } = await import("./gateway.ts");
  let code = 0;
  const dashes = args.indexOf("--");
  const command = gatewayCommand(ports, (ended) => void (code = ended), dashes === -1 ? [] : args.slice(dashes + 1));
  command.exitOverride().configureOutput({ writeOut: (text) => ports.out(text.trimEnd()), writeErr: (text) => ports.err(text.trimEnd()) });
  command.showHelpAfterError("(--help shows what there is)");
  await command.parseAsync(args.slice(1), { from: "user" });
  return code;
}
