/**
 * What is unsafe in this installation, as far as the control plane can see it: shown by `countersign doctor`, health and the
 * inbox. Hides nothing and mends nothing; each finding says what to do.
 */
import type { people as wire } from "@countersign/sdk/wire";
import { includesRole } from "../../auth/identity.ts";
import type { Store } from "../../store/store.ts";
import type { Ledger } from "../ledger.ts";
import { isOnePersonMode } from "../people/rights.ts";

export type Diagnosis = wire.Diagnosis;

export interface DiagnoseOptions {
  readonly ledger: Ledger;
  readonly store: Store;
  /** How people reach it. */
  readonly origin: () => string;
  readonly host: string;
  readonly checkpoints: { readonly places: number; failing(): readonly { readonly place: string; readonly error: string }[] };
}

const WEEK_MS = 7 * 86_400_000;
const LONG_KEY_MS = 366 * 86_400_000;

export async function diagnose(options: DiagnoseOptions): Promise<readonly Diagnosis[]> {
  const { ledger } = options;
  const { resident } = ledger;
  return [...ofNetwork(options), ...ofPeople(resident), ...ofKeys(resident), ...ofPolicy(resident), ...ofRecord(options), ...(await ofAnswers(options))];
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(host);
}

function ofNetwork({ origin, host, store }: DiagnoseOptions): Diagnosis[] {
  const found: Diagnosis[] = [];
  const url = new URL(origin());
  if (url.protocol === "http:" && (!isLoopback(url.hostname) || !isLoopback(host))) {
    found.push({ code: "plain_http", severity: "danger", message: `People and agents reach this over plain HTTP (${url.origin}, listening on ${host}): whoever is on the way can take sign-ins and keys.`, mend: "Put TLS in front, give --public-url https://…, and listen on 127.0.0.1." });
  }
  if (store.kind === "sqlite") {
    found.push({ code: "same_user", severity: "warning", message: "The state directory belongs to one user of this machine. An agent with a shell under that user can read the operator's secret and sign in as the owner.", mend: "Run agents under another user, or the control plane on another machine. A passkey does not help: the owner's link can add one." });
  }
  return found;
}

function ofPeople(view: Ledger["resident"]): Diagnosis[] {
  const active = view.all("person").filter(({ data }) => data.status === "active");
  const approvers = active.filter(({ data }) => includesRole(data.roles, "approver"));
  const found: Diagnosis[] = [];
  if (active.length === 0) found.push({ code: "no_owner", severity: "warning", message: "Nobody has signed in yet, so nobody can decide.", mend: "Run: countersign open" });
  else if (approvers.length === 0) found.push({ code: "no_approver", severity: "warning", message: "Nobody has the role approver, so every held call expires.", mend: "Give somebody the role approver." });
  if (isOnePersonMode(view)) found.push({ code: "one_person_mode", severity: "note", message: "One-person mode: the owner may approve the calls of keys bound to them.", mend: "Invite a second approver; it then ends by itself." });
  if (active.some(({ data }) => includesRole(data.roles, "owner")) && active.every(({ data }) => data.passwordHash === null && data.passkeys.length === 0 && data.subjects.length === 0)) {
    found.push({ code: "links_only", severity: "note", message: "Nobody has a password, a passkey or a provider yet: one-time links are the only way to sign in.", mend: "Add a passkey or a password after signing in." });
  }
  return found;
}

function ofKeys({ all, now }: Ledger["resident"]): Diagnosis[] {
  const live = all("agent_key").filter(({ data }) => data.revokedAt === null && (data.expiresAt === null || data.expiresAt > now));
  const unowned = live.filter(({ data }) => data.ownerId === null).length;
  const old = live.filter(({ data }) => data.expiresAt === null && now - data.createdAt > LONG_KEY_MS).length;
  const found: Diagnosis[] = [];
  if (unowned > 0) found.push({ code: "keys_without_owner", severity: "warning", message: `${counted(unowned, "agent key is", "agent keys are")} bound to nobody, so nobody is kept from approving their own agent's calls.`, mend: "Make keys that are bound to a person, and revoke the others." });
  if (old > 0) found.push({ code: "old_keys", severity: "note", message: `${counted(old, "agent key is", "agent keys are")} older than a year and never ends.`, mend: "Make new keys with an end, and revoke the old ones." });
  return found;
}

function ofPolicy({ policy }: Ledger["resident"]): Diagnosis[] {
  if (policy === undefined) return [{ code: "no_policy", severity: "warning", message: "No policy document is in force: every call of a connected agent is refused.", mend: "countersign up --policies FILE, or save and activate one." }];
  if (policy.compiled.size === 0 && policy.compiled.defaultRequirement === undefined) {
    return [{ code: "open_gate", severity: "danger", message: "The document in force allows everything and has no policy: nothing is ever held.", mend: "Write policies, or default: block." }];
  }
  return [];
}

function ofRecord({ checkpoints }: DiagnoseOptions): Diagnosis[] {
  const failing = checkpoints.failing();
  if (checkpoints.places === 0) {
    return [{ code: "no_outside_checkpoint", severity: "warning", message: "Checkpoints of the record are kept nowhere else: whoever controls this machine could rewrite it whole.", mend: "countersign up --checkpoints-to FILE-ON-ANOTHER-MOUNT or https://…" }];
  }
  return failing.map(({ place, error }) => ({ code: "checkpoint_failing", severity: "warning", message: `Checkpoints do not reach ${place}: ${error}.`, mend: "Look at that place; the next checkpoint is tried there again." }));
}

/** Answers that no person gave, as agents' processes reported them. */
async function ofAnswers({ store, ledger }: DiagnoseOptions): Promise<Diagnosis[]> {
  const rows = await store.readRecord({ tenant: ledger.tenant, where: { type: "approval" }, from: ledger.resident.now - WEEK_MS, descending: true, limit: 1_000 });
  const byRule = rows.filter(({ line }) => line.includes('"human":false') && line.includes('"status":"approved"')).length;
  if (byRule === 0) return [];
  return [{ code: "auto_approve", severity: "warning", message: `${counted(byRule, "held call was", "held calls were")} approved by a rule in the agent's process in the last 7 days (autoApprove, auditOnly and the like): no person was asked.`, mend: "Use inboxApproval, or allow these calls in the policy if nobody needs to be asked." }];
}

function counted(count: number, one: string, many: string): string {
  return count === 1 ? `One ${one}` : `${count} ${many}`;
}
