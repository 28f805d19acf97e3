/** The installation as a resource: what it is, how it stands, and its end in good order. Called by control/http. */
import type { people as wire } from "@countersign/sdk/wire";
import type { z } from "zod";
import type { Identity } from "../../auth/identity.ts";
import type { Store } from "../../store/store.ts";
import type { Ledger } from "../ledger.ts";
import { actor, isOnePersonMode, isRefusal } from "../people/rights.ts";
import { refuse, type Answer } from "../refusal.ts";
import type { Diagnosis } from "./diagnose.ts";

export type InstallationView = z.infer<typeof wire.installation>;

export type DiagnosisView = z.infer<typeof wire.installationDiagnosis>;

export interface Installation {
  read(identity: Identity): Promise<Answer<{ readonly installation: InstallationView }>>;
  /** What `doctor` says, files included, and when the record was last signed. */
  diagnose(identity: Identity): Promise<Answer<{ readonly diagnosis: DiagnosisView }>>;
  /** Begins to end the process; the answer still goes out. */
  stop(identity: Identity): Promise<Answer<object>>;
}

export interface InstallationOptions {
  readonly ledger: Ledger;
  readonly store: Store;
  readonly version: string;
  readonly onStop: () => void;
  readonly diagnose: () => Promise<readonly Diagnosis[]>;
  /** Of the directory it runs in, where it has one. */
  readonly diagnoseFiles?: () => readonly Diagnosis[];
  readonly countOpen: () => Promise<number>;
}

export function createInstallation({ ledger, store, version, onStop, diagnose, diagnoseFiles = () => [], countOpen }: InstallationOptions): Installation {
  return {
    async read(identity) {
      if (identity.kind !== "person" && identity.kind !== "operator") return refuse("forbidden", "only people and the local operator look at the installation");
      const { resident, head } = ledger;
      const people = resident.all("person").filter(({ data }) => data.status === "active").length;
      const policy = resident.policy === undefined ? null : { version: resident.policy.version, digest: resident.policy.digest };
      const [diagnoses, openRequests] = await Promise.all([diagnose(), countOpen()]);
      const installation = { id: store.installationId, version, onePersonMode: isOnePersonMode(resident), people, storage: store.kind, head, policy, openRequests, diagnoses: [...diagnoses] };
      return { ok: true, installation };
    },
    async diagnose(identity) {
      const by = identity.kind === "operator" ? undefined : actor(ledger.resident, identity, ["owner"]);
      if (by !== undefined && isRefusal(by)) return by;
      const [found, [last]] = await Promise.all([diagnose(), store.readCheckpoints(ledger.tenant, { descending: true, limit: 1 })]);
      return { ok: true, diagnosis: { diagnoses: [...found, ...diagnoseFiles()], lastCheckpoint: last === undefined ? null : { seq: last.seq, at: last.at } } };
    },
    stop(identity) {
      if (identity.kind !== "operator") return Promise.resolve(refuse("forbidden", "only the local operator ends the process"));
      setImmediate(onStop);
      return Promise.resolve({ ok: true });
    },
  };
}
