/** The changes of verdicts on which `policy replay` may end with 1. */
export const FAIL_ON = ["newly-allowed", "newly-blocked", "any"] as const;
export type FailOn = (typeof FAIL_ON)[number];
