/** Wiring of the commands by which a person decides at a terminal: options to the functions beside this file. Called by control.ts. */
import { Command, Option } from "commander";
import type { ControlClient } from "./control-client.ts";
import type { Intent } from "./decide.ts";
import { UsageError, type ExitCode } from "./ports.ts";
import type { UpPorts } from "./up.ts";

type Done = (code: ExitCode) => void;
type AsPerson = (where: { readonly dir?: string; readonly url?: string }) => Promise<ControlClient>;

function where(command: Command): Command {
  return command.option("--dir <directory>", "state directory (default: COUNTERSIGN_DIR, else the user's own)").option("--url <url>", "another control plane");
}

export function requestCommands(ports: UpPorts, asPerson: AsPerson, done: Done): readonly Command[] {
  return [
    where(new Command("inbox").description("What waits, as a live list at the terminal.")).action(async (options) => done(await (await import("./inbox.ts")).inbox(await asPerson(options), ports))),
    decideCommand("approve", "Show a request, and approve it on y.", ports, asPerson, done),
    decideCommand("deny", "Show a request, and deny it on y.", ports, asPerson, done),
    decideCommand("decide", "Show a request; y approves it, n denies it.", ports, asPerson, done),
    where(new Command("watch").description("Print a line for each thing that happens."))
      .addOption(new Option("--format <format>", "how to print it").choices(["text", "json"]).default("text"))
      .action(async (options) => done(await (await import("./watch.ts")).watch(await asPerson(options), options.format, ports.stopped, ports))),
  ];
}

function decideCommand(intent: Exclude<Intent, "either"> | "decide", description: string, ports: UpPorts, asPerson: AsPerson, done: Done): Command {
  const command = where(new Command(intent).description(description)).argument("<request>", "its id").option("--reason <text>", "why, for the record; with a denial it reaches the agent", reasonOf);
  if (intent === "decide") return command.action(async (id, options) => done(await (await import("./decide.ts")).decide(await asPerson(options), id, "either", { reason: options.reason, yes: false }, ports)));
  return command
    .option("--yes", "without being asked; needs --digest", false)
    .option("--digest <digest>", "the request digest of what was looked at")
    .action(async (id, options) => done(await (await import("./decide.ts")).decide(await asPerson(options), id, intent, options, ports)));
}

function reasonOf(value: string): string {
  if (value.length > 4000) throw new UsageError("--reason: at most 4,000 characters.");
  return value;
}
