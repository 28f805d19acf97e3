import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The version of this package. */
export function version(): string {
  const path = fileURLToPath(new URL("../../package.json", import.meta.url));
  const manifest = JSON.parse(readFileSync(path, "utf8")) as { version: string }; // our own manifest
  return manifest.version;
}
