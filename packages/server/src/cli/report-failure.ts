/** How a command that failed ends: one message for people, and the exit code. */
import { PolicyDocumentError } from "@countersign/sdk";
import { CommanderError } from "commander";
import { GatewayDocumentError } from "../config/read-gateway-document.ts";
import { CheckFailure, UsageError, type ExitCode, type Ports } from "./ports.ts";

export function reportFailure(error: unknown, { err }: Pick<Ports, "err">): ExitCode {
  // Commander has said it already; help is no error.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof UsageError) {
    err(error.message);
    return 2;
  }
  if (error instanceof CheckFailure || error instanceof PolicyDocumentError || error instanceof GatewayDocumentError) {
    err(error.message);
    return 1;
  }
  err(`Something failed that should not: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  return 1;
}
