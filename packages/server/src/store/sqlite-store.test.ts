import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { storeContract } from "./fixture/store-contract.ts";
import { openSqliteStore, type SqliteStore } from "./sqlite-store.ts";

storeContract(
  "SQLite",
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "countersign-store-"));
    const opened: SqliteStore[] = [];
    return {
      async open() {
        const store = await openSqliteStore({ path: join(folder, "store.db"), hintEveryMs: 20 });
        opened.push(store);
        return store;
      },
      async remove() {
        for (const store of opened) await store.close();
        rmSync(folder, { recursive: true });
      },
    };
  },
  { describe, expect, it },
);
