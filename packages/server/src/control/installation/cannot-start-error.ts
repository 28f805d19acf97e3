/** The control plane cannot start with what it was given or found. The message says what, and what to do about it. */
export class CannotStartError extends Error {
  override readonly name: string = "CannotStartError";
}
