/** Wiring of `countersign policy …`: options to the functions beside this file, nothing else. Called by program.ts. */
import { Command, Option } from "commander";
import { wholeNumber } from "./option-values.ts";
import { FAIL_ON } from "./fail-on.ts";
import type { ReadTools } from "./policy-init.ts";
import type { ControlClient } from "./control-client.ts";
import type { ExitCode, Ports } from "./ports.ts";

/** The official client is loaded where a server is asked. */
const readTools: ReadTools = async (program, args) => (await import("./read-tools.ts")).readTools(program, args);

type Reaching = (where: { readonly dir?: string; readonly url?: string }) => Promise<ControlClient>;

/** `done` takes the exit code of the command that ran; `afterDashes` is what came after `--`, which Commander puts with the rest. */
export function policyCommand(ports: Ports, done: (code: ExitCode) => void, afterDashes: readonly string[], reach: Reaching): Command {
  const policy = new Command("policy").description("Check, explain, test, compare and write policy documents. Nothing here calls a tool.");
  const format = (): Option => new Option("--format <format>", "how to print it").choices(["text", "json"]).default("text");

  policy
    .command("check")
    .description("Load documents as the SDK would, and say every problem, and what is probably not meant, with its place.")
    .usage("[options] <file...> [-- <command> [args...]]")
    .argument("<file...>", "policy files (YAML or JSON); after --, the command that starts a server whose tools they are checked against")
    .option("--strict", "exit with 1 where there are warnings")
    .option("--approvers <list>", "everyone who can be named as approver, separated by commas, or @file with one a line")
    .option("--server <name>", "the name of the server that is started, in policies (default: from the command)")
    .addOption(format())
    .action(async (files, options) => done(await (await import("./policy-check.ts")).policyCheck(files.slice(0, files.length - afterDashes.length), afterDashes, options, ports, readTools)));

  policy
    .command("explain")
    .description("Say what a document makes of one call, and why.")
    .argument("<file>", "policy file")
    .option("--server <name>", "the server's name; without it the server has none")
    .requiredOption("--tool <name>", "the tool's name")
    .option("--args <json>", "the arguments as JSON, or @file")
    .option("--agent <name>", "the agent's name")
    .option("--user <id>", "the user's id")
    .addOption(format())
    .action(async (file, options) => done(await (await import("./policy-explain.ts")).policyExplain(file, options, ports)));

  policy
    .command("test")
    .description("Run cases: what a document should say to calls.")
    .argument("<file>", "policy file")
    .argument("[cases...]", "files of cases (default: the one beside the document, NAME.cases.yaml)")
    .option("--junit <file>", "also write JUnit XML")
    .action(async (file, cases, options) => done(await (await import("./policy-test.ts")).policyTest(file, cases, options, ports)));

  policy
    .command("diff")
    .description("Compare two documents, and mark (!) what lets something run that did not run before.")
    .argument("<before>", "policy file")
    .argument("<after>", "policy file")
    .option("--record <dir>", "judge recorded calls instead of those the patterns speak of")
    .addOption(format())
    .action(async (before, after, options) => done(await (await import("./policy-diff.ts")).policyDiff(before, after, options, ports)));

  policy
    .command("replay")
    .description("Judge recorded calls under a candidate: what would have run, and who would have been asked.")
    .argument("<candidate>", "policy file")
    .requiredOption("--record <dir>", "state directory, with record/ and keys/ in it")
    .option("--baseline <file>", "compare with this document instead of with what was recorded")
    .option("--since <duration>", "how far back, such as 7d")
    .option("--markdown", "print Markdown, for a pull request")
    .addOption(new Option("--fail-on <change>", "exit with 1 where the candidate makes such a change").choices(FAIL_ON))
    .action(async (candidate, options) => done(await (await import("./policy-replay.ts")).policyReplay(candidate, options, ports)));

  policy
    .command("init")
    .description("Start an MCP server, read its tools, and write a first document for it.")
    .usage("[options] -- <command> [args...]")
    .argument("<command...>", "the command that starts the server, after --")
    .option("--out <file>", "where to write it (default: standard output); never replaced")
    .option("--server <name>", "the server's name in policies (default: from the command)")
    .action(async (command, options) => done(await (await import("./policy-init.ts")).policyInit(command, options, ports, readTools)));

  policy
    .command("push")
    .description("Put a document in force at a control plane, once it says that nothing is wrong with it.")
    .argument("<file>", "policy file")
    .option("--check", "only say what is wrong with it, with the people there known", false)
    .option("--expect <version>", "the version that must be in force now (default: whichever is when this begins; none: 0)", wholeNumber)
    .option("--comment <text>", "what the change is about", "countersign policy push")
    .option("--dir <directory>", "state directory (default: COUNTERSIGN_DIR, else the user's own)")
    .option("--url <url>", "another control plane, as the person signed in there")
    .action(async (file, options) => done(await (await import("./policy-push.ts")).policyPush(await reach(options), file, options, ports)));

  policy
    .command("schema")
    .description("Print the JSON Schema of policy documents, for editors.")
    .option("--out <file>", "write it to a file, and replace the file")
    .action(async (options) => done(await (await import("./policy-schema.ts")).policySchema(options, ports)));

  return policy;
}
