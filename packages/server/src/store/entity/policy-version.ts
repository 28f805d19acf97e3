/** One saved policy document. Versions are never changed; which one is in force is the setting `policy.active`. */
export interface PolicyVersion {
  /** Counts from 1. */
  readonly version: number;
  /** As it was written, YAML or JSON. */
  readonly text: string;
  /** Hex SHA-256 of the document's JSON text, as the SDK computes it. */
  readonly digest: string;
  readonly size: number;
  readonly comment: string;
  readonly createdAt: number;
  readonly createdBy: string;
}
