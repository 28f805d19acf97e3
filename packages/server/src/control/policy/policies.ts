/**
 * Policy documents: saved as versions that never change, checked before they are saved, put in force by one who may, and rolled
 * back by putting an older one in force again. Every step is a row of the record. Decides nothing about calls itself: the
 * ledger holds the document in force. Called by control/http and by `countersign up --policies`.
 */
import { PolicyDocumentError } from "@countersign/sdk";
import { policyDigest, readPolicyText } from "@countersign/sdk/policy";
import type { people as wire, Bundle } from "@countersign/sdk/wire";
import type { z } from "zod";
import { includesRole, type Identity } from "../../auth/identity.ts";
import type { Store, Stored } from "../../store/store.ts";
import type { PolicyVersion } from "../../store/entity/policy-version.ts";
import type { Ledger, Plan, View } from "../ledger.ts";
import { ACTIVE_POLICY } from "../policy-in-force.ts";
import { refuse, type Answer, type Refusal } from "../refusal.ts";
import { createRunTrial, type RunTrial } from "../trial/run-trial.ts";
import { checkDocument, type PolicyCheck } from "./check-document.ts";

export type PolicyVersionView = z.infer<typeof wire.policyVersion>;
export type PolicyTextView = z.infer<typeof wire.policyText>;
export type PolicyBody = z.infer<typeof wire.policyBody>;
export type ActivateBody = z.infer<typeof wire.activateBody>;
export type Activation = z.infer<typeof wire.activation>;

/** Which version is in force. */
export interface ActivePolicy {
  readonly version: number;
  readonly digest: string;
  readonly at: number;
}

export interface Policies {
  /** The newest versions. */
  list(identity: Identity): Promise<Answer<{ readonly versions: readonly PolicyVersionView[] }>>;
  read(identity: Identity, version: number): Promise<Answer<{ readonly version: PolicyTextView }>>;
  save(identity: Identity, body: PolicyBody): Promise<Answer<{ readonly version: PolicyVersionView }>>;
  /** `signal` ends it: nobody waits any more. */
  check(identity: Identity, body: Pick<PolicyBody, "text">, signal?: AbortSignal): Promise<Answer<{ readonly check: PolicyCheck }>>;
  /** `expect`: the version that the asker believes to be in force. `superseded`: pending requests that now ask another question. */
  activate(identity: Identity, version: number, body: ActivateBody): Promise<Answer<{ readonly activation: Activation }>>;
  /** Saves a document and puts it in force, unless it is what is in force already: for documents that live in a file. */
  saveAndActivate(identity: Identity, body: PolicyBody): Promise<Answer<{ readonly version: PolicyVersionView; readonly changed: boolean }>>;
  /** For agents: the document in force. */
  readBundle(identity: Identity): Promise<Answer<{ readonly bundle: Bundle }>>;
}

export interface PoliciesOptions {
  readonly ledger: Ledger;
  readonly store: Store;
  /** Takes back pending requests that ask another question under the document now in force; answers how many. */
  readonly reviewPending: () => Promise<number>;
  /** Checks long documents beside everything else. */
  readonly run?: RunTrial;
}

const NEVER = new AbortController().signal;
/** Beside those that are replayed: whoever writes is not to wait for them. */
const CHECK_LIMITS = { atOnce: 3, longestMs: 30_000 };

const ACTIVATED_AT = "policy.activated_at";
const LATEST = "policy.latest";
const PAGE = 200;

export function createPolicies({ ledger, store, reviewPending, run = createRunTrial(CHECK_LIMITS) }: PoliciesOptions): Policies {
  const { tenant } = ledger;
  /** The text in force; it is asked for with every start of an agent, and versions never change. */
  let inForce: { readonly version: number; readonly text: string } | undefined;

  async function readVersion(version: number): Promise<Stored<PolicyVersion> | undefined> {
    const snapshot = await store.read(tenant, [{ table: "policy_version", id: String(version) }]);
    return snapshot.get("policy_version", String(version));
  }

  const policies: Policies = {
    async list(identity) {
      if (!mayRead(identity)) return FORBIDDEN;
      const versions = await store.list(tenant, { table: "policy_version", orderBy: "version", descending: true, limit: PAGE });
      const active = activeOf(ledger.resident);
      return { ok: true, versions: versions.map(({ data }) => viewOf(data, active)) };
    },

    async read(identity, version) {
      if (!mayRead(identity)) return FORBIDDEN;
      const found = await readVersion(version);
      if (found === undefined) return refuse("not_found", `there is no version ${version}`);
      return { ok: true, version: { ...viewOf(found.data, activeOf(ledger.resident)), text: found.data.text } };
    },

    async save(identity, { text, comment }) {
      if (!mayEdit(identity)) return FORBIDDEN;
      const read = readDocument(text);
      if (!read.ok) return read;
      const by = authorOf(identity);
      return ledger.run({ needs: [], apply: (view) => saved(view, { text, comment, by, digest: read.digest, size: read.size }, identity) });
    },

    check: async (identity, { text }, signal = NEVER) => (mayRead(identity) ? checkDocument(text, ledger.resident, run, signal) : FORBIDDEN),

    async activate(identity, version, { expect, comment }) {
      if (!mayEdit(identity)) return FORBIDDEN;
      const by = authorOf(identity);
      const needs = [{ table: "policy_version", column: "version", value: version }] as const;
      const answer = await ledger.run({ needs, apply: (view) => activated(view, version, { expect, comment, by }, identity) });
      if (!answer.ok) return answer;
      // The claim looks at the document in force in any case; this spares people a question that is void.
      const superseded = answer.changed ? await reviewPending() : 0;
      return { ok: true, activation: { version: answer.version, superseded } };
    },

    async saveAndActivate(identity, body) {
      const read = readDocument(body.text);
      if (!read.ok) return read;
      const active = activeOf(ledger.resident);
      if (active?.digest === read.digest) {
        const known = await readVersion(active.version);
        if (known !== undefined) return { ok: true, version: viewOf(known.data, active), changed: false };
      }
      const made = await policies.save(identity, body);
      if (!made.ok) return made;
      // What another instance has put in force is known here once something was committed.
      const before = activeOf(ledger.resident);
      if (before?.digest === read.digest) return { ok: true, version: { ...made.version, version: before.version, active: true }, changed: false };
      const now = await policies.activate(identity, made.version.version, { expect: before?.version ?? null, comment: body.comment });
      return now.ok ? { ok: true, version: now.activation.version, changed: true } : now;
    },

    async readBundle(identity) {
      if (identity.kind !== "agent") return FORBIDDEN;
      const active = activeOf(ledger.resident);
      if (active === undefined) return NO_POLICY;
      if (inForce?.version !== active.version) {
        const found = await readVersion(active.version);
        if (found === undefined) return NO_POLICY;
        inForce = { version: active.version, text: found.data.text };
      }
      const { version, digest, at } = active;
      return { ok: true, bundle: { version, digest, text: inForce.text, activatedAt: at, principal: identity.principal } };
    },
  };
  return policies;
}

const FORBIDDEN: Refusal = refuse("forbidden", "this credential has no right to policies");
const NO_POLICY: Refusal = refuse("policy_unavailable", "no policy document is in force: save one and activate it");

function mayRead(identity: Identity): boolean {
  return identity.kind === "operator" || (identity.kind === "person" && (["policy_editor", "auditor", "approver"] as const).some((role) => includesRole(identity.roles, role)));
}

function mayEdit(identity: Identity): boolean {
  return identity.kind === "operator" || (identity.kind === "person" && includesRole(identity.roles, "policy_editor"));
}

/** Whose hand it was: a person's id, or the local operator who started the process with a document. */
function authorOf(identity: Identity): string {
  return identity.kind === "person" ? identity.personId : identity.kind;
}

/** The right as it is at the commit: a person whose role was taken meanwhile changes nothing. */
function stillMay(view: View, identity: Identity): boolean {
  if (identity.kind !== "person") return identity.kind === "operator";
  const person = view.get("person", identity.personId)?.data;
  return person?.status === "active" && includesRole(person.roles, "policy_editor");
}

function readDocument(text: string): { readonly ok: true; readonly digest: string; readonly size: number } | Refusal {
  try {
    const document = readPolicyText(text, "policy");
    return { ok: true, digest: policyDigest(document), size: document.policies.length };
  } catch (error) {
    if (!(error instanceof PolicyDocumentError)) throw error;
    return { ...refuse("invalid_document", error.message), problems: [...error.problems] };
  }
}

interface Draft {
  readonly text: string;
  readonly comment: string;
  readonly by: string;
  readonly digest: string;
  readonly size: number;
}

function saved(view: View, { text, comment, by, digest, size }: Draft, identity: Identity): Plan<Answer<{ readonly version: PolicyVersionView }>> {
  if (!stillMay(view, identity)) return { answer: FORBIDDEN };
  const latest = view.get("setting", LATEST);
  const version = Number(latest?.data.value ?? 0) + 1;
  const data: PolicyVersion = { version, text, digest, size, comment, createdAt: view.now, createdBy: by };
  return {
    answer: { ok: true, version: viewOf(data, activeOf(view)) },
    changes: [
      { table: "policy_version", id: String(version), rev: 0, data },
      { table: "setting", id: LATEST, rev: latest?.rev ?? 0, data: { name: LATEST, value: version } },
    ],
    entries: [{ type: "event", at: view.now, event: "policy_saved", detail: { version, digest, size, by, comment } }],
  };
}

type Activated = Answer<{ readonly version: PolicyVersionView; readonly changed: boolean }>;

function activated(view: View, version: number, { expect, comment, by }: { readonly expect: number | null; readonly comment: string; readonly by: string }, identity: Identity): Plan<Activated> {
  if (!stillMay(view, identity)) return { answer: FORBIDDEN };
  const found = view.find("policy_version", "version", version);
  if (found === undefined) return { answer: refuse("not_found", `there is no version ${version}`) };
  const setting = view.get("setting", ACTIVE_POLICY);
  const time = view.get("setting", ACTIVATED_AT);
  const before = activeOf(view);
  if (before?.version === version) return { answer: { ok: true, version: viewOf(found.data, before), changed: false } };
  if ((before?.version ?? null) !== expect) {
    const now = before === undefined ? "no version is in force" : `version ${before.version} is in force`;
    return { answer: refuse("conflict", `${now} now, not ${expect ?? "none"}: somebody else was faster; look at it and try again`) };
  }
  const { digest, size } = found.data;
  const active: ActivePolicy = { version, digest, at: view.now };
  return {
    answer: { ok: true, version: viewOf(found.data, active), changed: true },
    changes: [
      { table: "setting", id: ACTIVE_POLICY, rev: setting?.rev ?? 0, data: { name: ACTIVE_POLICY, value: version } },
      { table: "setting", id: ACTIVATED_AT, rev: time?.rev ?? 0, data: { name: ACTIVATED_AT, value: view.now } },
    ],
    entries: [{ type: "event", at: view.now, event: "policy_activated", detail: { source: "control plane", version, before: before?.version ?? null, digest, size, by, comment } }],
  };
}

/** The version in force, or undefined while none was activated. */
function activeOf(view: Pick<View, "get" | "policy">): ActivePolicy | undefined {
  const { policy } = view;
  const at = view.get("setting", ACTIVATED_AT)?.data.value;
  return policy === undefined ? undefined : { version: policy.version, digest: policy.digest, at: typeof at === "number" ? at : 0 };
}

function viewOf({ version, digest, size, comment, createdAt, createdBy }: PolicyVersion, active: ActivePolicy | undefined): PolicyVersionView {
  return { version, digest, size, comment, createdAt, createdBy, active: active?.version === version };
}
