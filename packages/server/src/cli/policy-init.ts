/** `countersign policy init [--out FILE] -- CMD ARGS…`: a first document for a server, from what it says of its tools. */
import { readPolicyText } from "@countersign/sdk/policy";
import { whyNot } from "./load-policy.ts";
import { CheckFailure, UsageError, type ExitCode, type Ports } from "./ports.ts";
import { serverNameOf } from "./server-name.ts";
import { isReadOnly, starterPolicy, type ListedTool } from "./starter-policy.ts";
import { plural } from "../trial/verdict-words.ts";

export interface InitOptions {
  /** Where to write; never replaced. Default: standard output. */
  readonly out?: string | undefined;
  /** The server's name in policies. Default: from the command. */
  readonly server?: string | undefined;
}

export type ReadTools = (command: string, args: readonly string[]) => Promise<readonly ListedTool[]>;

export async function policyInit(command: readonly string[], { out, server }: InitOptions, ports: Ports, readTools: ReadTools): Promise<ExitCode> {
  const [program, ...args] = command;
  if (program === undefined) throw new UsageError("Write the command that starts the server after --, such as: countersign policy init -- npx -y @modelcontextprotocol/server-filesystem /data");
  const name = server ?? serverNameOf(command);
  if (name === "" || /[:*\p{Cc}]/u.test(name)) throw new UsageError("--server: must be a name without : and *.");
  const tools = await readTools(program, args);
  const text = starterPolicy(name, tools);
  // A tool's name is foreign text: what does not load is not written.
  try {
    readPolicyText(text, out ?? "the starter policy");
  } catch (cause) {
    throw new CheckFailure("The server has tools with names that no policy can hold. Write the policy by hand.", { cause });
  }
  if (out === undefined) {
    ports.out(text.trimEnd());
    return 0;
  }
  try {
    await ports.writeFile(out, text, { replace: false });
  } catch (cause) {
    throw new UsageError(`${out}: cannot be written: ${whyNot(cause)}`);
  }
  const held = tools.filter((tool) => !isReadOnly(tool)).length;
  ports.out(`${out}: ${plural(tools.length, "tool")} of ${name}, ${held} of them blocked until a person says yes. The rest say that they only read.`);
  ports.out(`Use the name in your program too: configureSession(client, { serverName: ${JSON.stringify(name)} })`);
  return 0;
}
