/** `countersign gateway status`: how the gateways of this machine stand, or the one at an address, as they say themselves. Ends with 1 where one is not ready. */
import { people } from "@countersign/sdk/wire";
import { z } from "zod";
import { whyOf } from "./find-control.ts";
import { registeredGateways } from "./gateway-register.ts";
import { printJson, UsageError, type ExitCode, type Format } from "./ports.ts";
import { plural } from "../trial/verdict-words.ts";
import type { UpPorts } from "./up.ts";

export interface GatewayStatusOptions {
  readonly url?: string | undefined;
  readonly format: Format;
}

const condition = z.object({ mode: z.string(), about: z.string().optional(), message: z.string().optional(), mend: z.string().optional() });
const served = z.object({ name: z.string(), kind: z.string(), sessions: z.number().nullable(), connections: z.number(), failures: z.number(), policies: z.string().nullable() });
/** Strangers are told less: see gateway/health/pages.ts. */
const standing = z.object({
  ready: z.boolean(),
  conditions: z.array(condition),
  servers: z.array(served).optional(),
  joined: z.object({ sessions: z.number() }).nullish(),
  calls: z.object({ open: z.number(), held: z.number() }).optional(),
  diagnoses: z.array(people.diagnosis).optional(),
});
export type GatewayStanding = z.infer<typeof standing>;

const LOOK_MS = 5_000;

export async function gatewayStatus({ url, format }: GatewayStatusOptions, directory: string, ports: UpPorts): Promise<ExitCode> {
  const urls = url === undefined ? registeredGateways(directory).map((gateway) => gateway.url) : [addressOf(url)];
  if (urls.length === 0) throw new UsageError(`No gateway over HTTP runs on ${directory}. Name another with --url, or start one: countersign gateway --config countersign.yaml --http`);
  const all = await Promise.all(urls.map(async (one) => ({ url: one, ...(await lookAt(one)) })));
  if (format === "json") printJson(ports, { gateways: all });
  else for (const one of all) ports.out(linesOf(one).join("\n"));
  return all.every((one) => "standing" in one && one.standing.ready) ? 0 : 1;
}

export type LookedAt = { readonly standing: GatewayStanding } | { readonly why: string };

/** Never rejects. */
export async function lookAt(url: string): Promise<LookedAt> {
  try {
    const answer = await fetch(new URL("/readyz", url), { redirect: "error", signal: AbortSignal.timeout(LOOK_MS), headers: { connection: "close" } });
    const body = standing.safeParse(await answer.json());
    return body.success ? { standing: body.data } : { why: `it answered ${answer.status}, and not as a gateway does` };
  } catch (cause) {
    return { why: `it does not answer: ${whyOf(cause)}` };
  }
}

function addressOf(given: string): string {
  const url = URL.canParse(given) ? new URL(given) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) throw new UsageError("--url: the address of a gateway is expected, such as http://127.0.0.1:7434");
  return url.origin;
}

function linesOf(one: { readonly url: string } & LookedAt): readonly string[] {
  if ("why" in one) return [`${one.url}  ${one.why}`];
  const { ready, conditions, servers = [], joined, calls } = one.standing;
  return [
    `${one.url}  ${ready ? "ready" : "not ready"}${calls === undefined ? "" : `, ${plural(calls.open, "call")} under way, ${calls.held} waiting for people`}`,
    ...servers.map(({ name, kind, sessions, connections, failures, policies }) => `  ${name}  ${kind}, ${plural(sessions ?? 0, "session")}, ${plural(connections, "connection")}${failures === 0 ? "" : `, ${failures} failed to start`}, policies: ${policies ?? "the control plane's"}`),
    ...(joined === undefined || joined === null ? [] : [`  all as one  ${plural(joined.sessions, "session")}`]),
    ...conditions.map(({ mode, message = mode, mend }) => `  ! ${message}${mend === undefined ? "" : ` ${mend}`}`),
  ];
}
