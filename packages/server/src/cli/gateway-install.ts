/** Wiring of `countersign gateway install | uninstall | ls`: options to the functions beside this file, nothing else. Called by program.ts. */
import { Argument, Option, type Command } from "commander";
import { CLIENTS, SCOPES, type ClientId } from "../gateway-install/client-files.ts";
import type { ExitCode } from "./ports.ts";
import type { UpPorts } from "./up.ts";

/**
 * Adds the three to `gateway`, and answers it. Not where `args` has `--`: what stands behind it is the command of a server, and Commander
 * would take a server that is called `ls` for ours.
 */
export function withInstallCommands(gateway: Command, args: readonly string[], ports: UpPorts, done: (code: ExitCode) => void): Command {
  if (args.includes("--")) return gateway;
  changing(gateway.command("install").description("Put the gateway in front of the servers in a client's configuration. What changes is shown first."))
    .option("--portable", "write `countersign`, and no paths of this machine (default with --scope project)")
    .action(async (client: ClientId, options) => done(await (await changes()).gatewayInstall(client, options, ports)));
  changing(gateway.command("uninstall").description("Put the servers of a client's configuration back as they were."))
    .option("--from-copy", "put back the whole file, from the copy that the last install kept", false)
    .action(async (client: ClientId, options) => done(await (await changes()).gatewayUninstall(client, options, ports)));
  gateway
    .command("ls")
    .description("Say which servers of which clients run behind a gateway.")
    .option("--json", "as JSON", false)
    .action(async (options) => done((await import("./gateway-install-ls.ts")).gatewayLs(options, ports)));
  return gateway;
}

// Loaded when it is asked for: a gateway starts with every client, and needs no parser of configurations.
const changes = () => import("./gateway-install-change.ts");

function changing(command: Command): Command {
  return command
    .addArgument(new Argument("<client>", "whose configuration").choices(CLIENTS))
    .option("--config <path>", "its file, where it is in no usual place")
    .addOption(new Option("--scope <scope>", "the user's own files, or those of the project here (default: user)").choices(SCOPES))
    .option("--server <name...>", "only these servers (default: all)")
    .option("--dry-run", "show what would change, and write nothing", false)
    .option("--yes", "do not ask", false);
}
