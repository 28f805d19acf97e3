/** The installation as a resource: what it is, how it stands, and its end in good order. Called by control/http. */
import type { people as wire } from "@countersign/sdk/wire";
import type { z } from "zod";
import type { Identity } from "../../auth/identity.ts";
import type { Store } from "../../store/store.ts";
import type { Ledger } from "../ledger.ts";
import { isOnePersonMode } from "../people/rights.ts";
import { refuse, type Answer } from "../refusal.ts";
import type { Diagnosis } from "./diagnose.ts";

export type InstallationView = z.infer<typeof wire.installation>;

export interface Installation {
  read(identity: Identity): Promise<Answer<{ readonly installation: InstallationView }>>;
  /** Begins to end the process; the answer still goes out. */
  stop(identity: Identity): Promise<Answer<object>>;
}

export interface InstallationOptions {
  readonly ledger: Ledger;
  readonly store: Store;
  readonly version: string;
  readonly onStop: () => void;
  readonly diagnose: () => Promise<readonly Diagnosis[]>;
  readonly countOpen: () => Promise<number>;
}

export function createInstallation({ ledger, store, version, onStop, diagnose, countOpen }: InstallationOptions): Installation {
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
    stop(identity) {
      if (identity.kind !== "operator") return Promise.resolve(refuse("forbidden", "only the local operator ends the process"));
      setImmediate(onStop);
      return Promise.resolve({ ok: true });
    },
  };
}
