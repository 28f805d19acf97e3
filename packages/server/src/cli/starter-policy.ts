/**
 * A first policy document for a server, from its own list of tools. Names come from a foreign server, so they appear as
 * quoted values only: in a comment, a line break in a name would end the comment.
 */
import type { JsonValue } from "@countersign/sdk";

export interface ListedTool {
  readonly name: string;
  /** JSON Schema of its arguments. */
  readonly inputSchema?: JsonValue | undefined;
  readonly annotations?: { readonly readOnlyHint?: boolean | undefined; readonly destructiveHint?: boolean | undefined } | undefined;
}

/** Tools that say they only read. What does not say so may write (MCP: readOnlyHint is false unless given). */
export function isReadOnly({ annotations }: ListedTool): boolean {
  return annotations?.readOnlyHint === true && annotations.destructiveHint !== true;
}

/** YAML text that passes `check`. `server` is the name that policies and configureSession({ serverName }) use. */
export function starterPolicy(server: string, tools: readonly ListedTool[]): string {
  const writing = tools.filter((tool) => tool.name !== "" && !isReadOnly(tool));
  const reading = tools.filter((tool) => tool.name !== "" && isReadOnly(tool));
  return `${[...HEAD, ...(writing.length === 0 ? ["policies: []"] : policyLines(server, writing)), "", ...readingLines(server, reading)].join("\n").trimEnd()}\n`;
}

const HEAD = [
  "# A first policy, made from the server's own list of tools. Read it before you rely on it.",
  "# Which tools only read is what the server says of itself (the annotations readOnlyHint and destructiveHint). That is a",
  "# claim: a server can be wrong, can lie, and can change it. Move a tool up to the list below if you do not believe it.",
  "version: 1",
  "# Calls that no policy is about run, tools included that the server gets later. `default: block` asks about those too;",
  "# then add policies with `action: allow` for what may run.",
  "default: allow",
];

function policyLines(server: string, tools: readonly ListedTool[]): readonly string[] {
  return [
    "policies:",
    `  - name: ${JSON.stringify(`${server}-changes-need-approval`)}`,
    "    # Every tool that does not say it only reads, or says that it destroys.",
    "    match:",
    ...tools.map(({ name }) => `      - ${JSON.stringify(`mcp:${server}:${name}`)}`),
    "    action: block # a person is asked; with `approval: never` nobody can allow it",
    "    reason: This tool can change things",
    "    approval:",
    "      timeoutMinutes: 5",
  ];
}

function readingLines(server: string, tools: readonly ListedTool[]): readonly string[] {
  if (tools.length === 0) return [];
  return ["# Allowed by the default, because the server says that they only read:", ...tools.map(({ name }) => `#   ${JSON.stringify(`mcp:${server}:${name}`).replaceAll(/[^\x20-\x7e]/g, "?")}`)];
}
