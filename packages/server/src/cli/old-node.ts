/** Which Node this program needs, said before anything that an older one cannot load is imported: its native module would end it without a word. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** A sentence, or undefined where this Node will do. `needed`: such as `>=22.15`. */
export function whyNodeIsTooOld(running: string, needed: string = enginesOf()): string | undefined {
  const wanted = needed.replace(/^\D+/, "");
  if (compare(numbersOf(running), numbersOf(wanted)) >= 0) return undefined;
  return `countersign needs Node ${wanted} or newer; this is Node ${running} (${process.execPath}). Install a newer one: https://nodejs.org`;
}

function numbersOf(version: string): readonly number[] {
  return version.split(".").map((part) => Number.parseInt(part, 10));
}

function compare(one: readonly number[], other: readonly number[]): number {
  for (const [index, part] of other.entries()) {
    const difference = (one[index] ?? 0) - part;
    if (difference !== 0) return difference;
  }
  return 0;
}

function enginesOf(): string {
  const path = fileURLToPath(new URL("../../package.json", import.meta.url));
  const { engines } = JSON.parse(readFileSync(path, "utf8")) as { engines: { node: string } }; // our own manifest
  return engines.node;
}
