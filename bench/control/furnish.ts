/** People, keys and a policy as the control plane's groups want them, and the credentials that prove who they are. */
import { hashSecret, newAgentSecret, newId, newSecret } from "../../packages/server/src/auth/secret.ts";
import { activate, agentKey, person, PLAIN_POLICY, put, question } from "../../packages/server/src/control/fixture/world.ts";
import type { Ledger } from "../../packages/server/src/control/ledger.ts";
import type { Store } from "../../packages/server/src/store/store.ts";
import type { AskBody } from "@countersign/sdk/wire";

export interface Credentials {
  readonly keys: readonly { readonly id: string; readonly secret: string }[];
  /** `token`: a command line's sign-in. */
  readonly people: readonly { readonly id: string; readonly token: string }[];
}

/** A key may have 1,000 open requests. */
const KEYS = 128;
const PEOPLE = 64;
const YEAR_MS = 365 * 86_400_000;

export async function furnish(ledger: Ledger, store: Store): Promise<Credentials> {
  const ids = Array.from({ length: KEYS }, () => newId());
  const keys = ids.map((id) => ({ id, secret: newAgentSecret(id) }));
  const people = Array.from({ length: PEOPLE }, (_, index) => ({ id: `p${index}`, token: newSecret("sign_in") }));
  await put(ledger, ...people.map(({ id }) => person(id)), ...keys.map(({ id, secret }) => agentKey(id, null, { secretHash: hashSecret(secret) })));
  const { now } = ledger.resident;
  const facts = { assurance: "authenticated", passkeyAt: null, signedDigest: null, csrfHash: "", via: "token", about: "", createdAt: now, lastUsedAt: now, expiresAt: now + YEAR_MS } as const;
  await store.commitLoose(ledger.tenant, people.map(({ id, token }) => ({ table: "sign_in", id: hashSecret(token), rev: 0, data: { ...facts, personId: id } })));
  await activate(ledger, 1, PLAIN_POLICY);
  return { keys, people };
}

/** A question about a call with 600 bytes of arguments that nobody asked before; open for an hour. */
export function askBodyOf(label: string): AskBody {
  return question({ args: { path: `/srv/data/${label}`, content: "x".repeat(540) }, session: "bench", timeoutMs: 3_600_000 });
}
