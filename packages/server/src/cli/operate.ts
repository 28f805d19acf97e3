/** `countersign open`, `status` and `down`: what the local operator does with the control plane of a state directory. */
import { people as wire } from "@countersign/sdk/wire";
import { z } from "zod";
import { jsonOf, type ControlClient } from "./control-client.ts";
import { printJson, UsageError, type ExitCode, type Format, type Ports } from "./ports.ts";

const ownerLink = z.object({ url: z.string(), expiresAt: z.number() });
const readiness = z.object({ ready: z.boolean(), parts: z.record(z.string(), z.string()) });

/** A one-time link that signs the owner in. Only for a terminal: in a log or a pipe it would be a key that lies around. */
export async function openInbox(client: ControlClient, isTerminal: boolean, { out }: Ports): Promise<ExitCode> {
  if (!isTerminal) throw new UsageError("The link signs the owner in, so it is printed to a terminal only. Run this in one.");
  const { url } = ownerLink.parse(await client.request("POST", "/v1/owner-link"));
  out(`Sign in as the owner (works once, for 10 minutes):\n  ${url}`);
  return 0;
}

export async function status(client: ControlClient, format: Format, ports: Ports): Promise<ExitCode> {
  const installation = wire.installation.parse(await client.request("GET", "/v1/installation"));
  const answer = await fetch(new URL("/readyz", client.url), { redirect: "error" });
  const { ready, parts } = readiness.parse(await jsonOf(answer));
  if (format === "json") printJson(ports, { url: client.url, ready, parts, installation });
  else {
    const { id, version, storage, policy, openRequests, people, head } = installation;
    ports.out(
      [
        `${client.url}  ${ready ? "ready" : `not ready: ${Object.entries(parts).filter(([, state]) => state !== "ok").map(([part, state]) => `${part} ${state}`).join(", ")}`}`,
        `installation ${id} (${version}, ${storage})`,
        `policy       ${policy === null ? "none in force, so every call is refused. Put one in force: countersign policy push FILE" : `version ${policy.version}`}`,
        `requests     ${openRequests} open`,
        `people       ${people}`,
        `record       row ${head.seq}, ${head.hash}`,
      ].join("\n"),
    );
  }
  return ready ? 0 : 1;
}

export async function down(client: ControlClient, { out }: Ports): Promise<ExitCode> {
  await client.request("POST", "/v1/stop");
  out(`${client.url} ends.`);
  return 0;
}
