/**
 * What a vote's `viewedDigest` is the digest of: SHA-256 over this text, hex. It names one question with the arguments and the context that
 * were shown in full, so a place that showed less has nothing to name. Used by the pages that show a call, and by the control plane.
 */
export interface ShownView {
  readonly requestDigest: string;
  /** RFC 8785 texts, as the request's detail has them. */
  readonly argumentsText: string;
  readonly contextText: string;
}

export function viewText({ requestDigest, argumentsText, contextText }: ShownView): string {
  return `countersign/view/v1\0{"arguments":${argumentsText},"context":${contextText},"request":"${requestDigest}"}`;
}

/** Arguments and context that are longer than this together, in UTF-16 code units, are approved only with their `viewedDigest`. */
export const VIEW_FREE_LENGTH = 4096;
