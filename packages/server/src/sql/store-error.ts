/** What can go wrong with a database, by code. Called by sql/ and store/; mapped to answers in control/. */

export type StoreErrorCode =
  /** Cannot be reached, is locked by another, or did not answer in time. */
  | "store_unavailable"
  /** Made by a later version of the program. */
  | "store_newer"
  /** Is no store of ours, or a migration failed. */
  | "store_unusable"
  /** Settings under which a power cut would erase what was acknowledged. */
  | "store_not_durable"
  /** A restore into a store that holds something. */
  | "store_not_empty"
  /** A backup that is cut short, changed, or not ours. */
  | "backup_damaged"
  /** This Node cannot load the SQLite driver. */
  | "node_too_old"
  /** Used after `close()`. */
  | "store_closed";

export class StoreError extends Error {
  override readonly name: string = "StoreError";
  readonly code: StoreErrorCode;
  /** The answer to a write was lost: it may have been written. Reading the head tells. */
  readonly maybeWritten: boolean;

  constructor(code: StoreErrorCode, message: string, options: { readonly cause?: unknown; readonly maybeWritten?: boolean } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.maybeWritten = options.maybeWritten ?? false;
  }
}
