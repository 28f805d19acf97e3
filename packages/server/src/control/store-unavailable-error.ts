/** The store did not answer, or not in time. Where `maybe` is false nothing was changed; where it is true nobody knows yet: ask again. */
export class StoreUnavailableError extends Error {
  override readonly name: string = "StoreUnavailableError";
  readonly code = "store_unavailable";
  readonly maybe: boolean;

  constructor(message: string, options: { readonly maybe?: boolean; readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.maybe = options.maybe ?? false;
  }
}
