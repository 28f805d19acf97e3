/** What a throttle may count by. */
export const THROTTLE_KEYS = ["agent", "user", "session", "server", "tool"] as const;
export type ThrottleKey = (typeof THROTTLE_KEYS)[number];
