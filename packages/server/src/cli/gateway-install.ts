/** Wiring of `countersign gateway install | uninstall | ls | login | logout`: options to the functions beside this file, nothing else. Called by program.ts. */
import { resolve } from "node:path";
import { Argument, Option, type Command } from "commander";
import { CLIENTS, SCOPES, type ClientId } from "../gateway-install/client-files.ts";
import { collect, portNumber } from "./option-values.ts";
import type { ExitCode } from "./ports.ts";
import type { UpPorts } from "./up.ts";

/**
 * Adds them to `gateway`, and answers it. Not where `args` has `--`: what stands behind it is the command of a server, and Commander
 * would take a server that is called `ls` for ours.
 */
export function withInstallCommands(gateway: Command, args: readonly string[], ports: UpPorts, done: (code: ExitCode) => void): Command {
  if (args.includes("--")) return gateway;
  gateway.enablePositionalOptions(); // what stands behind a subcommand is the subcommand's own
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
  signingIn(gateway.command("login").description("Sign in at a server that asks for it, for the gateways of this machine."))
    .option("--client-id <id>", "a client that the authorization server knows (default: one is registered)")
    .option("--client-secret-env <variable>", "its secret, where it has one: an environment variable that holds it. Needs --issuer")
    .option("--issuer <url>", "the authorization server: no other is accepted")
    .option("--scope <scope>", "rights beyond those that the server asks for")
    .option("--port <number>", "where the browser comes back to on this machine (default: any that is free)", portNumber, 0)
    .option("--header <header>", "'Name: value', as for the gateway (repeatable)", collect, [])
    .option("--header-env <name=variable>", "as for the gateway (repeatable)", collect, [])
    .option("--no-browser", "print the address, and open no browser")
    .action(async (server: string, options) => done(await (await signIns()).gatewayLogin(server, options, await directoryOf(options, ports.env), ports)));
  signingIn(gateway.command("logout").description("End a sign-in, here and at its authorization server."))
    .action(async (server: string, options) => done(await (await signIns()).gatewayLogout(server, options, await directoryOf(options, ports.env), ports)));
  return gateway;
}

function signingIn(command: Command): Command {
  return command
    .argument("<server>", "its address, or its name: in the file of --config, or where somebody has signed in before")
    .option("--config <file>", "the configuration (countersign.yaml) that has the name")
    .option("--dir <directory>", "state directory (default: COUNTERSIGN_DIR, else the user's own)");
}

async function directoryOf({ dir }: { readonly dir?: string }, env: NodeJS.ProcessEnv): Promise<string> {
  return dir === undefined ? (await import("@countersign/sdk/record")).stateDirectory(env) : resolve(dir);
}

const signIns = () => import("./gateway-login.ts");

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
