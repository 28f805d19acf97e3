/**
 * What the HTTP API stands in front of: each resource as plain functions that answer or refuse and never throw for what a
 * caller can cause. The routes map to these and add no rules of their own.
 */
import type * as wire from "@countersign/sdk/wire";
import type { z } from "zod";
import type { Identity } from "../../auth/identity.ts";
import type { Grants } from "../grant/grants.ts";
import type { Insights } from "../insights/create-insights.ts";
import type { Keys } from "../key/keys.ts";
import type { People } from "../people/people.ts";
import type { Answer } from "../refusal.ts";
import type { Requests } from "../request/requests.ts";
import type { SignIns } from "../sign-in/sign-ins.ts";
import type { Trials } from "../trial/trials.ts";

type Of<K extends keyof typeof wire.people> = (typeof wire.people)[K] extends z.ZodType ? z.infer<(typeof wire.people)[K]> : never;

export interface Policies {
  list(identity: Identity): Promise<Answer<{ readonly versions: readonly Of<"policyVersion">[] }>>;
  read(identity: Identity, version: number): Promise<Answer<{ readonly version: Of<"policyText"> }>>;
  save(identity: Identity, body: Of<"policyBody">): Promise<Answer<{ readonly version: Of<"policyVersion"> }>>;
  check(identity: Identity, body: Of<"policyBody">, signal: AbortSignal): Promise<Answer<{ readonly check: Of<"policyCheck"> }>>;
  activate(identity: Identity, version: number, body: Of<"activateBody">): Promise<Answer<{ readonly activation: Of<"activation"> }>>;
}

export interface RecordResource {
  /** Rows of an agent's process. */
  take(identity: Identity, body: wire.RecordBody): Promise<Answer<wire.RecordAnswer>>;
  query(identity: Identity, query: Of<"recordQuery">): Promise<Answer<Of<"recordPage">>>;
  /** JSON Lines, each without its line feed. */
  export(identity: Identity, range: { readonly after: number }): Promise<Answer<{ readonly lines: AsyncIterable<string> }>>;
  checkpoints(identity: Identity, range: { readonly after: number; readonly limit: number }): Promise<Answer<{ readonly checkpoints: readonly Of<"checkpoint">[] }>>;
  erase(identity: Identity, body: Of<"eraseBody">): Promise<Answer<{ readonly erased: number }>>;
}

export interface Throttle {
  exchange(identity: Identity, body: wire.ThrottleBody): Promise<Answer<wire.ThrottleAnswer>>;
}

export interface BundleResource {
  read(identity: Identity): Promise<Answer<{ readonly bundle: wire.Bundle }>>;
}

export interface Installation {
  read(identity: Identity): Promise<Answer<{ readonly installation: Of<"installation"> }>>;
  diagnose(identity: Identity): Promise<Answer<{ readonly diagnosis: Of<"installationDiagnosis"> }>>;
  /** Ends the process in good order, after the answer is out. */
  stop(identity: Identity): Promise<Answer<object>>;
}

export interface Resources {
  readonly requests: Pick<Requests, "ask" | "read" | "asked" | "list" | "vote" | "edit" | "readEdit" | "cancel" | "supersede" | "claim" | "release" | "outcome" | "annotate" | "leases">;
  readonly grants: Grants;
  readonly policies: Policies;
  readonly trials: Trials;
  readonly record: RecordResource;
  readonly throttle: Throttle;
  readonly bundle: BundleResource;
  readonly people: People;
  readonly keys: Pick<Keys, "list" | "readOwn" | "add" | "addForGateways" | "revoke">;
  readonly signIns: Omit<SignIns, "sweep">;
  readonly installation: Installation;
  readonly insights: Pick<Insights, "read">;
}
