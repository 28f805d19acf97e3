/**
 * `countersign gateway -- COMMAND…` and `--url ADDRESS`: governs an MCP server for whatever client starts this, over stdio; `--http` and
 * `--config FILE` over HTTP. Its options, and nothing else. Where they are the usual ones, read-server-start.ts reads them instead.
 */
import { Command, InvalidArgumentError } from "commander";
import { collect } from "./option-values.ts";
import { GATEWAY_DEFAULTS, holdSeconds, startGateway, type GatewayOptions, type GatewayPorts } from "./start-gateway.ts";

/** `afterDashes`: the command that starts the server. Subcommands may be added: what follows `--` is never one. */
export function gatewayCommand(ports: GatewayPorts, done: (code: number) => void, afterDashes: readonly string[]): Command {
  return new Command("gateway")
    .description("Govern an MCP server: start this in its place, and give the command that starts it after --, or its address with --url.")
    .usage("[options] (--config <file> | --url <url> | -- <command> [args...])")
    .argument("[command...]", "the command that starts the server, after --")
    .option("--url <url>", "the address of the server, where it is none that is started here")
    .option("--url-env <variable>", "an environment variable that holds the address, where a secret is in it")
    .option("--transport <transport>", "how the server at --url is spoken to: http (Streamable HTTP), sse (as of 2024-11-05), auto: whichever it speaks", GATEWAY_DEFAULTS.transport)
    .option("--header <header>", "'Name: value', sent to --url with every request (repeatable). A secret belongs into --header-env", collect, GATEWAY_DEFAULTS.header)
    .option("--header-env <name=variable>", "a header whose value an environment variable holds (repeatable)", collect, GATEWAY_DEFAULTS.headerEnv)
    .option("--http [address]", "serve clients over HTTP at HOST:PORT, or a port of this machine (default: 127.0.0.1:7434), instead of one client over stdio")
    .option("--config <file>", "many servers: countersign.yaml says which. As one over stdio, or with --http at an address each. It is read again when it changes")
    .option("--oauth-client-id <id>", "be let in as this client, where the server asks who comes (a person: countersign gateway login)")
    .option("--oauth-client-secret-env <variable>", "its secret: an environment variable that holds it")
    .option("--oauth-issuer <url>", "the authorization server that may see the secret")
    .option("--oauth-scope <scope>", "which rights to ask for there")
    .option("--name <name>", "the server's name in policies (default: from the command or the address)")
    .option("--policies <file>", "policy file (default: COUNTERSIGN_POLICIES, else the control plane's policies)")
    .option("--agent <name>", "the agent's name in policies and the record; a claim", GATEWAY_DEFAULTS.agent)
    .option("--user <id>", "the user's id in policies and the record; a claim", GATEWAY_DEFAULTS.user)
    .option("--hold <seconds>", "how long a call that waits for people is held where its client gave no progress token; then the model is told to call again", seconds, GATEWAY_DEFAULTS.hold)
    .option("--dir <directory>", "state directory (default: COUNTERSIGN_DIR, else the user's own)")
    .option("--no-control-plane", "ask nobody: what a policy blocks is refused. Needs a policy file")
    .action(async (_given: readonly string[], options: GatewayOptions) => done(await startGateway(afterDashes, options, ports)));
}

function seconds(value: string): number {
  const given = holdSeconds(value);
  if (given === undefined) throw new InvalidArgumentError("A number of seconds from 0.1 to 3600 is expected.");
  return given;
}
