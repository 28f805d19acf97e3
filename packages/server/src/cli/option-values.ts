/** How values of options are read, for Commander. */
import { InvalidArgumentError } from "commander";

export function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

export function wholeNumber(value: string): number {
  if (!/^\d{1,15}$/.test(value)) throw new InvalidArgumentError("A whole number is expected.");
  return Number(value);
}
