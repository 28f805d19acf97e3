/** The schema of policy documents, as the SDK makes it for editors. The build writes it in; see vite.config.ts. */
import type { Schema } from "./schema.ts";

declare const __POLICY_SCHEMA__: Schema;

export const POLICY_SCHEMA = __POLICY_SCHEMA__;
