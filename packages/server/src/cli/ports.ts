/**
 * What a command needs of the world. Commands are functions of their options and these, so that tests run them in process.
 * Called by program.ts, which hands in the real ones. Nothing else in cli/ may touch process.
 */
import type { JsonValue } from "@countersign/sdk";

/** 0: all well. 1: the check failed. 2: wrong usage, such as a file that is not there. */
export type ExitCode = 0 | 1 | 2;

export interface Ports {
  /** A line, or several; a line feed is added. */
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Rejects with the error of the file system. */
  readonly readFile: (path: string) => Promise<string>;
  /** Rejects where the file exists, unless `replace`. */
  readonly writeFile: (path: string, text: string, options: { readonly replace: boolean }) => Promise<void>;
  /** Names in a directory. Rejects with the error of the file system. */
  readonly readDirectory: (path: string) => Promise<readonly string[]>;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

export type Format = "text" | "json";

/** The command cannot begin: exit code 2. The message says what is wrong and what to write instead. */
export class UsageError extends Error {
  override readonly name: string = "UsageError";
}

/** The check failed in a way that has a message of its own: exit code 1. */
export class CheckFailure extends Error {
  override readonly name: string = "CheckFailure";
}

export function printJson({ out }: Ports, value: JsonValue | object): void {
  out(JSON.stringify(value, null, 2));
}
