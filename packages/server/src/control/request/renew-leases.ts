/** News from whoever executes claimed calls: their leases go on. No row of the record: what matters is their end. */
import type { LeaseAnswer, LeaseBody } from "@countersign/sdk/wire";
import type { Change, Key, Store } from "../../store/store.ts";
import { hashClaim, leaseId } from "./claim-request.ts";

type Claims = LeaseBody["claims"];
const SLICE = 500;
const ATTEMPTS = 3;

export async function renewLeases(store: Store, tenant: string, principal: string, claims: Claims, leaseMs: number): Promise<LeaseAnswer> {
  const lost: string[] = [];
  for (let at = 0; at < claims.length; at += SLICE) lost.push(...(await renewSlice(store, tenant, principal, claims.slice(at, at + SLICE), leaseMs)));
  return { leaseMs, lost };
}

/** Answers which of them are not known as being executed by this claim. */
async function renewSlice(store: Store, tenant: string, principal: string, claims: Claims, leaseMs: number): Promise<readonly string[]> {
  const distinct = [...new Map(claims.map((claim) => [claim.id, claim])).values()];
  for (let attempt = 0; ; attempt++) {
    const { held, lost } = await holdersOf(store, tenant, principal, distinct);
    const snapshot = await store.read(tenant, held.map((lease): Key => ({ table: "execution_lease", id: lease.id })));
    const changes = held.flatMap(({ id, requestId, epoch }): Extract<Change, { table: "execution_lease" }>[] => {
      const row = snapshot.get("execution_lease", id);
      return row === undefined ? [] : [{ table: "execution_lease", id, rev: row.rev, data: { requestId, epoch, until: snapshot.now + leaseMs } }];
    });
    const gone = held.filter(({ id }) => snapshot.get("execution_lease", id) === undefined).map(({ requestId }) => requestId);
    // A lease that lapsed just now, or another renewal of the same: look again.
    if (changes.length === 0 || (await store.commitLoose(tenant, changes))) return [...lost, ...gone];
    if (attempt === ATTEMPTS) return distinct.map(({ id }) => id);
  }
}

async function holdersOf(store: Store, tenant: string, principal: string, claims: Claims) {
  const requests = await store.read(tenant, claims.map(({ id }): Key => ({ table: "approval", id })));
  const held: { readonly id: string; readonly requestId: string; readonly epoch: number }[] = [];
  const lost: string[] = [];
  for (const { id, claimId } of claims) {
    const request = requests.get("approval", id)?.data;
    const isHeld = request !== undefined && request.caller.principal === principal && request.state === "executing" && request.claim?.claimHash === hashClaim(claimId);
    if (isHeld) held.push({ id: leaseId(id, request.epoch), requestId: id, epoch: request.epoch });
    else lost.push(id);
  }
  return { held, lost };
}
