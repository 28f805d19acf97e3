/** Values of a row that was parsed, as what they should be. Rows are our own; an older version may have written less. */

export function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

export function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
}

export function numberOf(value: unknown): number | null {
  return typeof value === "number" ? value : null;
}

export function includesText(value: unknown): boolean {
  return typeof value === "string" && value !== "";
}
