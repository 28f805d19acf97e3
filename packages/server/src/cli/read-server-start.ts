/**
 * The arguments of the commonest start, a command after `--` with the options below, read without Commander, which takes longer to load than
 * all that the server's start waits for. Whatever is not said in just this way is Commander's to read, or to refuse.
 */
import { parseArgs } from "node:util";
import { GATEWAY_DEFAULTS, holdSeconds, type GatewayOptions } from "./start-gateway.ts";

const TEXT = { type: "string" } as const;
const OPTIONS = { name: TEXT, policies: TEXT, agent: TEXT, user: TEXT, hold: TEXT, dir: TEXT, "no-control-plane": { type: "boolean" } } as const;

export interface ServerStart {
  readonly command: readonly string[];
  readonly options: GatewayOptions;
}

/** `args`: what follows `gateway`. Undefined: not one of these. */
export function readServerStart(args: readonly string[]): ServerStart | undefined {
  const dashes = args.indexOf("--");
  if (dashes === -1) return undefined;
  const said = valuesOf(args.slice(0, dashes));
  if (said === undefined) return undefined;
  const { hold: given, "no-control-plane": alone, ...values } = said;
  const hold = given === undefined ? GATEWAY_DEFAULTS.hold : holdSeconds(given);
  if (hold === undefined) return undefined;
  return { command: args.slice(dashes + 1), options: { ...GATEWAY_DEFAULTS, ...values, hold, controlPlane: alone !== true } };
}

function valuesOf(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, strict: true, allowPositionals: false }).values;
  } catch {
    return undefined; // an option that is not of these, or a mistake
  }
}
