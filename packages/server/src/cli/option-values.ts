/** How values of options are read, for Commander. */
import { InvalidArgumentError } from "commander";
import { UsageError } from "./ports.ts";

export function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

export function wholeNumber(value: string): number {
  if (!/^\d{1,15}$/.test(value)) throw new InvalidArgumentError("A whole number is expected.");
  return Number(value);
}

/** 0: any that is free. */
export function portNumber(value: string): number {
  const port = wholeNumber(value);
  if (port > 65_535) throw new InvalidArgumentError("A port is a number up to 65535; 0 takes any that is free.");
  return port;
}

/** Undefined where none is named. What it says of a wrong one leaves it out: there may be a password in it. */
export function postgresAddress(given: string | undefined): string | undefined {
  if (given === undefined || given === "") return undefined;
  if (!/^postgres(?:ql)?:\/\//.test(given)) throw new UsageError("--postgres (COUNTERSIGN_POSTGRES_URL): an address such as postgres://user:password@host/database is expected.");
  return given;
}
