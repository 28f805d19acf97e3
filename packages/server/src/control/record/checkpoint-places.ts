/** Where checkpoints can be pushed: a file (on another mount), or an address that takes them by POST. */
import { open } from "node:fs/promises";
import { dirname } from "node:path";
import { syncDirectorySync } from "@countersign/sdk/record";
import type { CheckpointPlace } from "./checkpointer.ts";
import { checkpointLineOf } from "./export-lines.ts";

/** A path, or an `https:` address (`http:` on loopback). Throws TypeError for anything else. */
export function checkpointPlace(target: string): CheckpointPlace {
  const url = /^https?:\/\//i.test(target) ? new URL(target) : undefined;
  if (url === undefined) return fileOf(target);
  if (url.protocol !== "https:" && !["127.0.0.1", "localhost", "[::1]"].includes(url.hostname)) {
    throw new TypeError(`${url.origin}: checkpoints are pushed over https, so that nobody on the way can put another in their place`);
  }
  return addressOf(url);
}

/** Appends a line and syncs it. The file is only ever appended to. */
function fileOf(path: string): CheckpointPlace {
  let isNamed = false;
  return {
    name: path,
    async push(checkpoint) {
      const file = await open(path, "a", 0o600);
      try {
        await file.write(`${checkpointLineOf(checkpoint)}\n`);
        await file.datasync();
      } finally {
        await file.close();
      }
      if (!isNamed) syncDirectorySync(dirname(path)); // its name must outlive a power cut too
      isNamed = true;
    },
  };
}

function addressOf(url: URL): CheckpointPlace {
  return {
    name: url.origin + url.pathname, // the query may hold a secret
    async push(checkpoint, signal) {
      const answer = await fetch(url, { method: "POST", body: checkpointLineOf(checkpoint), headers: { "content-type": "application/json" }, redirect: "error", signal });
      await answer.body?.cancel();
      if (!answer.ok) throw new Error(`it answered ${answer.status}`);
    },
  };
}
