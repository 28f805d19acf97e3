/** The policy id of a call: `mcp:{server}:{tool}`, or `mcp::{tool}` when the server has no name. */
export function policyIdOf(serverName: string | undefined, tool: string): string {
  return `mcp:${serverName ?? ""}:${tool}`;
}

/** Throws TypeError for a server name that could blur a policy id: with `:`, `*` or control characters, half a character, or empty. */
export function assertServerName(name: string): void {
  if (typeof name !== "string" || name === "") throw new TypeError("serverName must be a non-empty string");
  // oxlint-disable-next-line no-control-regex -- control characters are exactly what is looked for
  if (/[:*\u0000-\u001f\u007f-\u009f]/u.test(name)) {
    throw new TypeError(`serverName must not contain ":", "*" or control characters: ${JSON.stringify(name)}`);
  }
  if (!name.isWellFormed()) throw new TypeError(`serverName must not contain a lone surrogate: ${JSON.stringify(name)}`);
}
