/** Makes the resource `Keys` on a ledger. A key is looked up by the id in its secret and compared by hash: some microseconds. */
import type { people as wire } from "@countersign/sdk/wire";
import type { AgentIdentity } from "../../auth/identity.ts";
import { keyIdOfSecret, hashSecret, matchesHash, newAgentSecret, newId } from "../../auth/secret.ts";
import type { Identity } from "../../auth/identity.ts";
import type { AgentKey } from "../../store/entity/directory.ts";
import type { Stored } from "../../store/store.ts";
import type { Command, Ledger, View } from "../ledger.ts";
import { localOwner } from "../people/person-commands.ts";
import { actor, findPerson, isRefusal } from "../people/rights.ts";
import { refuse } from "../refusal.ts";
import type { Answer } from "../refusal.ts";
import { whyKeyIsDead } from "./live-key.ts";
import type { KeyBody, Keys, KeyView } from "./keys.ts";

const NOT_KNOWN = "an agent key that is not known";

export function createKeys(ledger: Ledger, { embedded = true }: { readonly embedded?: boolean } = {}): Keys {
  return {
    list: (identity) => {
      const by = actor(ledger.resident, identity, ["owner", "auditor"]);
      return Promise.resolve(isRefusal(by) ? by : { ok: true, keys: ledger.resident.all("agent_key").map(viewKey) });
    },
    readOwn: (identity) => Promise.resolve(ownOf(identity, ledger.resident)),
    add: async (identity, body) => {
      const id = newId();
      const secret = newAgentSecret(id);
      const made = await ledger.run(addKey(identity, id, hashSecret(secret), body));
      return made.ok ? { ok: true, key: viewKey(made.key), secret } : made;
    },
    addForGateways: async (identity, name) => {
      const id = newId();
      const secret = newAgentSecret(id);
      const made = await ledger.run(addGatewayKey(identity, { id, name, secretHash: hashSecret(secret), ownerId: newId() }, embedded));
      return made.ok ? { ok: true, key: viewKey(made.key), secret } : made;
    },
    revoke: (identity, id) => ledger.run(revokeKey(identity, id)),
    authenticate: (secret) => {
      const id = keyIdOfSecret(secret);
      const key = id === undefined ? undefined : ledger.resident.get("agent_key", id)?.data;
      if (id === undefined || key === undefined || !matchesHash(secret, key.secretHash)) return NOT_KNOWN;
      const dead = whyKeyIsDead(key, ledger.resident);
      return dead === undefined ? identityOf(id, key) : `agent key ${id} is ${dead}`;
    },
  };
}

function identityOf(id: string, key: AgentKey): AgentIdentity {
  return { kind: "agent", keyId: id, principal: `key:${id}`, ownerId: key.ownerId, name: key.name };
}

function ownOf(identity: Identity, { get, now }: Ledger["resident"]): Answer<{ readonly own: wire.OwnKey }> {
  if (identity.kind !== "agent") return refuse(identity.kind === "anonymous" ? "unauthenticated" : "forbidden", "Only an agent's key may ask this.");
  const { keyId, principal, ownerId, name } = identity;
  const owner = ownerId === null ? undefined : get("person", ownerId)?.data;
  return { ok: true, own: { id: keyId, name, principal, owner: owner === undefined ? null : { id: owner.id, name: owner.name }, expiresAt: get("agent_key", keyId)?.data.expiresAt ?? null, now } };
}

function addKey(identity: Identity, id: string, secretHash: string, { name, ownerId, expiresAt }: KeyBody): Command<Answer<{ readonly key: Stored<AgentKey> }>> {
  return {
    needs: [],
    apply: (view) => {
      const by = actor(view, identity, ["owner"]);
      if (isRefusal(by)) return { answer: by };
      if (ownerId !== null && findPerson(view, ownerId)?.data.status !== "active") return { answer: refuse("bad_request", "A key is bound to an active person, or to nobody.") };
      if (expiresAt !== null && expiresAt <= view.now) return { answer: refuse("bad_request", "This expiry has passed.") };
      const data: AgentKey = { id, name, secretHash, ownerId, createdAt: view.now, createdBy: by.id, expiresAt, revokedAt: null };
      return {
        answer: { ok: true, key: { id, rev: 1, data } },
        changes: [{ table: "agent_key", id, rev: 0, data }],
        entries: [{ type: "event", at: view.now, event: "key_added", detail: { key: id, name, owner: ownerId, by: by.id, expiresAt } }],
      };
    },
  };
}

/** `ownerId`: of the machine's owner, where there is none yet. */
function addGatewayKey(identity: Identity, made: Pick<AgentKey, "id" | "name" | "secretHash"> & { readonly ownerId: string }, embedded: boolean): Command<Answer<{ readonly key: Stored<AgentKey> }>> {
  return {
    needs: [],
    apply: (view) => {
      if (identity.kind !== "operator") return { answer: refuse(identity.kind === "anonymous" ? "unauthenticated" : "forbidden", "Only the operator of this machine may do this.") };
      const owner = localOwner(view, made.ownerId, embedded);
      if (isRefusal(owner)) return { answer: owner };
      const { person, part } = owner;
      const { id, name } = made;
      const data: AgentKey = { ...made, ownerId: person.id, createdAt: view.now, createdBy: "operator", expiresAt: null, revokedAt: null };
      const isNew = person.rev === 0;
      return {
        answer: { ok: true, key: { id, rev: 1, data } },
        changes: [...(isNew ? [{ table: "person", id: person.id, rev: 0, data: person.data } as const] : []), ...part.changes, { table: "agent_key", id, rev: 0, data }],
        entries: [...part.entries, { type: "event", at: view.now, event: "key_added", detail: { key: id, name, owner: person.id, by: "operator", expiresAt: null } }],
      };
    },
  };
}

function revokeKey(identity: Identity, id: string): Command<Answer<object>> {
  return {
    needs: [],
    apply: (view: View) => {
      const by = actor(view, identity, ["owner"]);
      if (isRefusal(by)) return { answer: by };
      const key = view.get("agent_key", id);
      if (key === undefined) return { answer: refuse("not_found", "There is no such key.") };
      if (key.data.revokedAt !== null) return { answer: { ok: true } };
      return {
        answer: { ok: true },
        changes: [{ table: "agent_key", id, rev: key.rev, data: { ...key.data, revokedAt: view.now } }],
        entries: [{ type: "event", at: view.now, event: "key_revoked", detail: { key: id, name: key.data.name, by: by.id } }],
      };
    },
  };
}

function viewKey({ id, data }: Stored<AgentKey>): KeyView {
  const { name, ownerId, createdAt, createdBy, expiresAt, revokedAt } = data;
  return { id, name, ownerId, createdAt, createdBy, expiresAt, revokedAt };
}
