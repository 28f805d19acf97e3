/**
 * Which servers can be joined: on the wire their tools are `SERVER__TOOL`, and two pairs must never make one name. No server that is joined has
 * `__` in its own name or `_` at its end, so the first `__` of a joined name is always the one between.
 */
export const SEPARATOR = "__";

/** Why a server of this name cannot be joined; undefined where it can. */
export function whyNotJoined(server: string): string | undefined {
  if (server.includes(SEPARATOR)) return `has ${SEPARATOR} in its name, which stands between a server's name and its tool's where servers are joined`;
  if (server.endsWith("_")) return `has a name that ends with _, and where servers are joined ${SEPARATOR} comes after it`;
  return undefined;
}
