/** Wiring of `countersign gateway check | schema | status`: options to the functions beside this file, nothing else. Called by program.ts. */
import { stateDirectory } from "@countersign/sdk/record";
import { Option, type Command } from "commander";
import type { ExitCode } from "./ports.ts";
import type { UpPorts } from "./up.ts";

/** Adds them to `gateway`, and answers it. Not where `args` has `--`: see withInstallCommands. */
export function withConfigCommands(gateway: Command, args: readonly string[], ports: UpPorts, done: (code: ExitCode) => void): Command {
  if (args.includes("--")) return gateway;
  gateway
    .command("check")
    .description("Say every problem of a gateway's configuration, and of the policy files it names, with its place.")
    .argument("<file...>", "configuration (countersign.yaml)")
    .option("--strict", "exit with 1 where there are warnings", false)
    .addOption(new Option("--format <format>", "how to print it").choices(["text", "json"]).default("text"))
    .action(async (files, options) => done(await (await import("./gateway-check.ts")).gatewayCheck(files, options, ports)));
  gateway
    .command("schema")
    .description("Print the JSON Schema of a gateway's configuration, for editors.")
    .option("--out <file>", "write it to a file, and replace the file")
    .action(async (options) => done(await (await import("./gateway-schema.ts")).gatewaySchema(options, ports)));
  gateway
    .command("status")
    .description("Say how the gateways of this machine stand that serve over HTTP, or the one at an address.")
    .option("--url <url>", "the gateway's address")
    .option("--dir <directory>", "state directory (default: COUNTERSIGN_DIR, else the user's own)")
    .addOption(new Option("--format <format>", "how to print it").choices(["text", "json"]).default("text"))
    .action(async (options) => done(await (await import("./gateway-status.ts")).gatewayStatus(options, options.dir ?? stateDirectory(ports.env), ports)));
  return gateway;
}
