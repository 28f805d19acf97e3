/**
 * Names on the wire of the joined server, `SERVER__TOOL`. They are made here and looked up in what was made, never taken apart; policies and
 * the record know the server and its own exact name alone. Two pairs never make one name: no server that is joined has `__` in its own
 * name or `_` at its end, so the first `__` of a joined name is always ours.
 */
export const SEPARATOR = "__";
/** Of the name of a tool (MCP, "Tool Names"). */
export const MAX_NAME = 128;
/** Some clients take no longer ones. */
export const LONG_NAME = 64;

/** Why a server of this name cannot be joined; undefined where it can. */
export function whyNotJoined(server: string): string | undefined {
  if (server.includes(SEPARATOR)) return `${JSON.stringify(server)} has ${SEPARATOR} in it, which stands between a server's name and its tool's where servers are joined`;
  if (server.endsWith("_")) return `${JSON.stringify(server)} ends with _, and where servers are joined ${SEPARATOR} comes after it`;
  return undefined;
}

/** Undefined where no client could have it as a name. */
export function joinedName(server: string, own: string): string | undefined {
  const name = `${server}${SEPARATOR}${own}`;
  return own === "" || name.length > MAX_NAME ? undefined : name;
}
