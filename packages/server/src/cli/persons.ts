/** `countersign person …`: who may decide and look, for owners without a browser. */
import { people as wire } from "@countersign/sdk/wire";
import { z } from "zod";
import type { ControlClient } from "./control-client.ts";
import { printJson, UsageError, type ExitCode, type Format, type Ports } from "./ports.ts";

const personList = z.object({ people: z.array(wire.person) });

export interface InviteOptions {
  readonly role: readonly string[];
  readonly name?: string | undefined;
  /** Print the link also where standard output is no terminal. */
  readonly print: boolean;
}

/** A new person, or a new link for one who is there. */
export async function invitePerson(client: ControlClient, email: string, { role, name, print }: InviteOptions, isTerminal: boolean, { out, err }: Ports): Promise<ExitCode> {
  if (!isTerminal && !print) throw new UsageError("The link signs that person in, so it is printed to a terminal only. Run this in one, or with --print where the output is kept safe.");
  const { people } = personList.parse(await client.request("GET", "/v1/people"));
  const known = people.find((one) => one.email?.toLowerCase() === email.toLowerCase());
  const made = known === undefined ? await client.request("POST", "/v1/people", { name: name ?? email, email, roles: role }) : await client.request("POST", `/v1/people/${known.id}/invitation`);
  const { person, url } = wire.invitation.parse(made);
  err(`${person.name} (${person.roles.join(", ") || "no role"}) ${known === undefined ? "is added" : "was there already; nothing of them is changed"}. The link works once, for 24 hours; send it on a way that only they read:`);
  out(url);
  return 0;
}

export async function listPeople(client: ControlClient, format: Format, ports: Ports): Promise<ExitCode> {
  const { people } = personList.parse(await client.request("GET", "/v1/people"));
  if (format === "json") printJson(ports, { people });
  else for (const { id, name, email, roles, status } of people) ports.out([id, name, email ?? "no address", roles.join(",") || "no role", status].join("  "));
  return 0;
}
