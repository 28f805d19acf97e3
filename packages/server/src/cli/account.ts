/** Wiring of the commands that a person gives under their own name: options to the functions beside this file. Called by control.ts. */
import { people as wire } from "@countersign/sdk/wire";
import { Command, Option } from "commander";
import type { ControlClient } from "./control-client.ts";
import { addKey, listKeys, revokeKey } from "./keys.ts";
import { login, logout } from "./login.ts";
import { collect, wholeNumber } from "./option-values.ts";
import { invitePerson, listPeople } from "./persons.ts";
import { UsageError, type ExitCode } from "./ports.ts";
import type { UpPorts } from "./up.ts";

type Done = (code: ExitCode) => void;
type AsPerson = (where: { readonly dir?: string; readonly url?: string }) => Promise<ControlClient>;

function where(command: Command): Command {
  return command.option("--dir <directory>", "state directory (default: COUNTERSIGN_DIR, else the user's own)").option("--url <url>", "another control plane");
}
const formatOption = (): Option => new Option("--format <format>", "how to print it").choices(["text", "json"]).default("text");
const printOption = (): Option => new Option("--print", "print the secret also where the output is no terminal").default(false);

export function accountCommands(ports: UpPorts, asPerson: AsPerson, done: Done): readonly Command[] {
  const { env } = ports;
  return [
    new Command("login")
      .description("Turn a one-time link into a token of yours for this command line.")
      .requiredOption("--link <link>", "as countersign open or an invitation prints it")
      .option("--days <number>", "how long the token is good, at most 90", wholeNumber, 30)
      .option("--print", "print the token and keep it nowhere", false)
      .action(async (options) => done(await login(options, env, ports))),
    where(new Command("logout").description("End the token of this command line.")).action(async (options) => done(await logout(await asPerson(options), env, ports))),
    keyCommand(ports, asPerson, done),
    personCommand(ports, asPerson, done),
  ];
}

function keyCommand(ports: UpPorts, asPerson: AsPerson, done: Done): Command {
  const key = new Command("key").description("Agents' keys. Needs an owner: countersign login.");
  where(key.command("add").description("Make a key and print its secret, once."))
    .argument("<name>", "what it is for")
    .option("--owner <who>", "the person whose agent it is: an address, me, or nobody. They may not approve its calls themselves, unless they are the only one", "me")
    .option("--days <number>", "how long it is good (default: until it is revoked)", wholeNumber)
    .addOption(printOption())
    .action(async (name, options) => done(await addKey(await asPerson(options), name, options, ports.isTerminal, ports)));
  where(key.command("ls").description("List the keys.")).addOption(formatOption()).action(async (options) => done(await listKeys(await asPerson(options), options.format, ports)));
  where(key.command("revoke").description("Revoke a key, from this moment on."))
    .argument("<key>", "its id or its name")
    .action(async (given, options) => done(await revokeKey(await asPerson(options), given, ports)));
  return key;
}

function personCommand(ports: UpPorts, asPerson: AsPerson, done: Done): Command {
  const person = new Command("person").description("People. Needs an owner: countersign login.");
  where(person.command("invite").description("Add a person, or make a new link for one, and print the link."))
    .argument("<email>", "their address")
    .option("--role <role>", `${wire.ROLES.join(", ")} (repeatable)`, roleOf, [])
    .option("--name <name>", "their name (default: the address)")
    .addOption(printOption())
    .action(async (email, options) => done(await invitePerson(await asPerson(options), email, options, ports.isTerminal, ports)));
  where(person.command("ls").description("List the people.")).addOption(formatOption()).action(async (options) => done(await listPeople(await asPerson(options), options.format, ports)));
  return person;
}

function roleOf(value: string, before: readonly string[]): readonly string[] {
  if (!wire.role.safeParse(value).success) throw new UsageError(`--role ${value}: ${wire.ROLES.join(", ")} are the roles.`);
  return collect(value, before);
}
