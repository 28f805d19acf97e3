/**
 * Agent keys: credentials that may ask and report and never decide. The secret is shown once and kept as its SHA-256.
 * Called by control/http; `authenticate` by control/sign-in/identify.ts with every request, from memory.
 */
import type { people as wire } from "@countersign/sdk/wire";
import type { z } from "zod";
import type { AgentIdentity, Identity } from "../../auth/identity.ts";
import type { Answer } from "../refusal.ts";

export type KeyView = z.infer<typeof wire.agentKey>;
export type KeyBody = z.infer<typeof wire.agentKeyBody>;

export interface Keys {
  list(identity: Identity): Promise<Answer<{ readonly keys: readonly KeyView[] }>>;
  /** Of the key itself, for whoever holds it. */
  readOwn(identity: Identity): Promise<Answer<{ readonly own: wire.OwnKey }>>;
  add(identity: Identity, body: KeyBody): Promise<Answer<{ readonly key: KeyView; readonly secret: string }>>;
  /** For the operator of this machine, whose gateways it is for: bound to the machine's owner, so that what they ask is the owner's own. */
  addForGateways(identity: Identity, name: string): Promise<Answer<{ readonly key: KeyView; readonly secret: string }>>;
  revoke(identity: Identity, id: string): Promise<Answer<object>>;
  /** The key that this secret is of, or in words for the log why it is none. */
  authenticate(secret: string): AgentIdentity | string;
}
