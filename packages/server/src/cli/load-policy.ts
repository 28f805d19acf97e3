import { readPolicyText, type PolicyDocument } from "@countersign/sdk/policy";
import { UsageError, type Ports } from "./ports.ts";

/** Reads a policy file. Throws UsageError where it cannot be read, and PolicyDocumentError with every problem in it. */
export async function loadPolicy(path: string, ports: Ports): Promise<PolicyDocument> {
  return readPolicyText(await readText(path, ports), path);
}

/** Throws UsageError where the file cannot be read. */
export async function readText(path: string, { readFile }: Ports): Promise<string> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new UsageError(`${path}: cannot be read: ${whyNot(cause)}`);
  }
}

/** Why a file could not be read or written, in words. */
export function whyNot(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  switch (code) {
    case "ENOENT":
      return "there is no such file. Check the path.";
    case "EISDIR":
      return "it is a directory. Name the file in it.";
    case "EACCES":
      return "it may not be read or written by this user.";
    case "EEXIST":
      return "it exists already. Name another file, or remove it first.";
    default:
      return error instanceof Error ? error.message : String(error);
  }
}
