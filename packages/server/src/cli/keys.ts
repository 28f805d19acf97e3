/** `countersign key …`: agents' keys, for owners without a browser. A secret is told once, here, and stored nowhere. */
import { people as wire } from "@countersign/sdk/wire";
import { z } from "zod";
import type { ControlClient } from "./control-client.ts";
import { printJson, UsageError, type ExitCode, type Format, type Ports } from "./ports.ts";

const keyList = z.object({ keys: z.array(wire.agentKey) });
const personList = z.object({ people: z.array(wire.person) });
const DAY_MS = 86_400_000;

export interface KeyAddOptions {
  /** An e-mail address or id, `me`, or `nobody`. */
  readonly owner: string;
  readonly days?: number | undefined;
  /** Print the secret also where standard output is no terminal. */
  readonly print: boolean;
}

export async function addKey(client: ControlClient, name: string, { owner, days, print }: KeyAddOptions, isTerminal: boolean, ports: Ports): Promise<ExitCode> {
  if (!isTerminal && !print) throw new UsageError("The secret is printed once, to a terminal only: in a log it would be a key that lies around. Run this in a terminal, or with --print where the output is kept safe.");
  const ownerId = await ownerOf(client, owner);
  const expiresAt = days === undefined ? null : ports.now() + days * DAY_MS;
  const { key, secret } = wire.agentKeyMade.parse(await client.request("POST", "/v1/keys", { name, ownerId, expiresAt }));
  ports.err(`Key ${key.id} (${name}), for COUNTERSIGN_API_KEY of the agent. It is not shown again.`);
  ports.out(secret);
  return 0;
}

export async function listKeys(client: ControlClient, format: Format, ports: Ports): Promise<ExitCode> {
  const { keys } = keyList.parse(await client.request("GET", "/v1/keys"));
  if (format === "json") printJson(ports, { keys });
  else {
    const { people } = personList.parse(await client.request("GET", "/v1/people"));
    const names = new Map(people.map(({ id, email, name }) => [id, email ?? name]));
    for (const { id, name, ownerId, expiresAt, revokedAt } of keys) ports.out([id, name, ownerId === null ? "nobody" : (names.get(ownerId) ?? ownerId), stateOf(expiresAt, revokedAt, ports.now())].join("  "));
  }
  return 0;
}

/** By its id, or by its name where one live key alone has it. */
export async function revokeKey(client: ControlClient, given: string, { out, now }: Ports): Promise<ExitCode> {
  const { keys } = keyList.parse(await client.request("GET", "/v1/keys"));
  const named = keys.filter(({ name, revokedAt, expiresAt }) => name === given && stateOf(expiresAt, revokedAt, now()) !== "revoked");
  const [found, another] = keys.some(({ id }) => id === given) ? keys.filter(({ id }) => id === given) : named;
  if (found === undefined) throw new UsageError(`There is no key ${given}. See: countersign key ls`);
  if (another !== undefined) throw new UsageError(`${named.length} keys are called ${given}. Name it by its id: ${named.map(({ id }) => id).join(", ")}`);
  await client.request("DELETE", `/v1/keys/${found.id}`);
  out(`Key ${found.id} (${found.name}) is revoked.`);
  return 0;
}

async function ownerOf(client: ControlClient, owner: string): Promise<string | null> {
  if (owner === "nobody") return null;
  if (owner === "me") return wire.me.parse(await client.request("GET", "/v1/me")).person.id;
  const { people } = personList.parse(await client.request("GET", "/v1/people"));
  const found = people.find(({ id, email }) => id === owner || email?.toLowerCase() === owner.toLowerCase());
  if (found === undefined) throw new UsageError(`--owner ${owner}: nobody here has this address. See: countersign person ls`);
  return found.id;
}

function stateOf(expiresAt: number | null, revokedAt: number | null, now: number): string {
  if (revokedAt !== null) return "revoked";
  if (expiresAt === null) return "live";
  return expiresAt <= now ? "expired" : `live until ${new Date(expiresAt).toISOString().slice(0, 10)}`;
}
