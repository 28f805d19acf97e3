import type { PolicyDocument } from "@countersign/sdk";

/** 80 % exact ids, 15 % prefix globs, 5 % `mcp:*:tool`; none is about the bench's own call, as in most real sets. */
export function benchPolicies(count: number): PolicyDocument["policies"] {
  return Array.from({ length: count }, (_, index) => ({ name: `policy-${index}`, match: patternOf(index), action: "block" as const, reason: "not this one" }));
}

function patternOf(index: number): string {
  const kind = index % 20;
  if (kind < 16) return `mcp:server-${index % 50}:tool_${index}`;
  return kind < 19 ? `mcp:server-${index % 50}:group${index}_*` : `mcp:*:tool_${index}`;
}
