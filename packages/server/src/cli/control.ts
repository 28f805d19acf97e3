/**
 * Wiring of the commands around a control plane: options to the functions beside this file, nothing else. Those are loaded by the command that
 * needs them, since few need a control plane's own code. Called by program.ts.
 */
import { resolve } from "node:path";
import { stateDirectory } from "@countersign/sdk/record";
import { Command, Option } from "commander";
import { accountCommands } from "./account.ts";
import { reachAsPerson, reachControl, type ControlClient } from "./control-client.ts";
import { collect, portNumber, wholeNumber } from "./option-values.ts";
import type { ExitCode, Ports } from "./ports.ts";
import { requestCommands } from "./request-commands.ts";
import type { UpOptions, UpPorts } from "./up.ts";

type Done = (code: ExitCode) => void;
interface Where {
  readonly dir?: string;
  readonly url?: string;
}

const dirOption = (): Option => new Option("--dir <directory>", "state directory (default: COUNTERSIGN_DIR, else the user's own)");
const urlOption = (): Option => new Option("--url <url>", "another control plane, as the person signed in there");
const formatOption = (): Option => new Option("--format <format>", "how to print it").choices(["text", "json"]).default("text");

export function controlCommands(ports: UpPorts, done: Done): readonly Command[] {
  const directoryOf = (where: Where): string => directoryIn(where, ports.env);
  const reach = reachingControl(ports.env);
  const asPerson = (where: Where): Promise<ControlClient> => reachAsPerson({ directory: directoryOf(where), url: where.url, env: ports.env });
  return [upCommand(ports, directoryOf, done), ...operateCommands(ports, directoryOf, reach, done), ...accountCommands(ports, asPerson, done), ...requestCommands(ports, asPerson, done), auditCommand(ports, reach, done)];
}

/** As the operator of the state directory, or as the person signed in at `--url`. */
export function reachingControl(env: NodeJS.ProcessEnv): (where: Where) => Promise<ControlClient> {
  return (where) => reachControl({ directory: directoryIn(where, env), url: where.url, env });
}

function directoryIn({ dir }: Where, env: NodeJS.ProcessEnv): string {
  return dir === undefined ? stateDirectory(env) : resolve(dir);
}

function upCommand(ports: UpPorts, directoryOf: (where: Where) => string, done: Done): Command {
  return new Command("up")
    .description("Run the control plane: policies, approvals, people and the record.")
    .addOption(dirOption())
    .option("--host <address>", "address to listen on", "127.0.0.1")
    .option("--port <number>", "port to listen on (default: 7433, or the next that is free)", portNumber)
    .option("--public-url <url>", "how people and agents reach it, where that is another address")
    .option("--postgres <url>", "keep everything in PostgreSQL (default: COUNTERSIGN_POSTGRES_URL, else a file of the directory)")
    .option("--policies <file>", "put this policy file in force")
    .option("--checkpoints-to <place>", "also keep checkpoints of the record there: a file, or an https address (repeatable)", collect, [])
    .option("--trust-proxy <address>", "believe X-Forwarded-For of this proxy (repeatable)", collect, [])
    .option("--background", "start it in the background and return", false)
    .option("--end-with-input", "end when standard input ends, as when the program that started this is gone", false)
    .addOption(new Option("--idle-hours <hours>", "end after so many hours without anything to do").argParser(Number).hideHelp())
    .action(async (options: UpOptions) => done(await (await import("./up.ts")).up(options, directoryOf(options as Where), ports)));
}

function operateCommands(ports: UpPorts, directoryOf: (where: Where) => string, reach: (where: Where) => Promise<ControlClient>, done: Done): readonly Command[] {
  return [
    new Command("open").description("Print a one-time link that signs the owner in.").addOption(dirOption()).action(async (where: Where) => done(await (await import("./operate.ts")).openInbox(await reach(where), ports.isTerminal, ports))),
    new Command("status")
      .description("Say how the control plane stands.")
      .addOption(dirOption())
      .addOption(urlOption())
      .addOption(formatOption())
      .action(async (options) => done(await (await import("./operate.ts")).status(await reach(options), options.format, ports))),
    new Command("down").description("End the control plane in good order.").addOption(dirOption()).action(async (where: Where) => done(await (await import("./operate.ts")).down(await reach(where), ports))),
    new Command("doctor")
      .description("Name what is unsafe in this installation.")
      .addOption(dirOption())
      .addOption(urlOption())
      .addOption(formatOption())
      .action(async (options) => done(await (await import("./doctor.ts")).doctor(() => reach(options), options.url === undefined ? directoryOf(options) : undefined, options.format, ports))),
    new Command("backup")
      .description("Write a backup of the control plane; it may run meanwhile.")
      .argument("<file>", "where to write it; never replaced")
      .addOption(dirOption())
      .option("--postgres <url>", "the database (default: COUNTERSIGN_POSTGRES_URL, else the file of the directory)")
      .action(async (file, options) => done(await (await import("./backup.ts")).backup(file, { directory: directoryOf(options), postgres: options.postgres ?? ports.env["COUNTERSIGN_POSTGRES_URL"] }, ports))),
    new Command("restore")
      .description("Make a control plane of a backup, where there is none yet.")
      .argument("<file>", "a backup")
      .addOption(dirOption())
      .option("--postgres <url>", "an empty database (default: COUNTERSIGN_POSTGRES_URL, else a file of the directory)")
      .action(async (file, options) => done(await (await import("./backup.ts")).restore(file, { directory: directoryOf(options), postgres: options.postgres ?? ports.env["COUNTERSIGN_POSTGRES_URL"] }, ports))),
  ];
}

function auditCommand(ports: Ports, reach: (where: Where) => Promise<ControlClient>, done: Done): Command {
  const audit = new Command("audit").description("Read, export and verify the record.");
  audit
    .command("export")
    .description("Write the record with its checkpoints to a file.")
    .argument("<file>", "where to write it; never replaced")
    .option("--after <seq>", "only rows after this one", wholeNumber, 0)
    .addOption(dirOption())
    .addOption(urlOption())
    .action(async (file, options) => done(await (await import("./audit.ts")).auditExport(await reach(options), file, options.after, ports)));
  audit
    .command("verify")
    .description("Check an export off line, against keys and checkpoints that were kept elsewhere.")
    .argument("<file>", "an export")
    .option("--key <file>", "public keys, as `audit keys` prints them (repeatable)", collect, [])
    .option("--checkpoints <file>", "checkpoints that were kept elsewhere")
    .addOption(formatOption())
    .action(async (file, options) => done(await (await import("./audit-verify.ts")).auditVerify(file, options, ports)));
  audit
    .command("query")
    .description("Print rows of the record, newest first.")
    .option("--type <type>", "decision, approval, intent, outcome or event")
    .option("--event <name>", "which event")
    .option("--call <id>", "of one call")
    .option("--request <id>", "of one approval request")
    .option("--policy-id <id>", "of one policy id, such as mcp:filesystem:write_file")
    .option("--limit <number>", "how many", wholeNumber, 50)
    .addOption(dirOption())
    .addOption(urlOption())
    .action(async ({ type, event, call, request, policyId, limit, ...where }) => done(await (await import("./audit.ts")).auditQuery(await reach(where), { type, event, callId: call, requestId: request, policyId, limit }, ports)));
  audit
    .command("keys")
    .description("Print the public keys that checkpoints are signed with. Keep them elsewhere.")
    .addOption(dirOption())
    .addOption(urlOption())
    .action(async (options) => done(await (await import("./audit.ts")).auditKeys(await reach(options), ports)));
  return audit;
}
