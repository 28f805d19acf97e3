/**
 * Names on the wire of the joined server, `SERVER__TOOL`. They are made here and looked up in what was made, never taken apart; policies and
 * the record know the server and its own exact name alone.
 */
import { SEPARATOR, whyNotJoined } from "../../config/joined-server-name.ts";

/** Of the name of a tool (MCP, "Tool Names"). */
export const MAX_NAME = 128;
/** Some clients take no longer ones. */
export const LONG_NAME = 64;

/** Undefined where no client could have it as a name. */
export function joinedName(server: string, own: string): string | undefined {
  const name = `${server}${SEPARATOR}${own}`;
  return own === "" || name.length > MAX_NAME ? undefined : name;
}

/** Throws TypeError: what is configured was looked at before. */
export function assertJoinable(server: string): void {
  const why = whyNotJoined(server);
  if (why !== undefined) throw new TypeError(`${JSON.stringify(server)} ${why}`);
}
