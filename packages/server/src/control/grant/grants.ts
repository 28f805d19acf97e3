/** Standing grants as people see them: which there are, what one would have covered, and how one ends. Made by create-grants.ts; called by control/http. */
import type { people as wire } from "@countersign/sdk/wire";
import type { z } from "zod";
import type { Identity } from "../../auth/identity.ts";
import type { Answer } from "../refusal.ts";

export type GrantView = z.infer<typeof wire.standingGrant>;
export type GrantPreviewBody = z.infer<typeof wire.grantPreviewBody>;
export type GrantPreview = z.infer<typeof wire.grantPreview>;

export interface Grants {
  list(identity: Identity): Promise<Answer<{ readonly grants: readonly GrantView[] }>>;
  /** What a grant beside a yes would have covered in the last 30 days. */
  preview(identity: Identity, body: GrantPreviewBody): Promise<Answer<GrantPreview>>;
  /** The one who granted it, or an owner. */
  revoke(identity: Identity, id: string): Promise<Answer<{ readonly grant: GrantView }>>;
}
