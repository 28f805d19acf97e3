/** Where a store is, and how it is opened there. */
import { openPostgresStore } from "./postgres-store.ts";
import { openSqliteStore } from "./sqlite-store.ts";
import type { Store } from "./store.ts";

export type StoreLocation = { readonly kind: "sqlite"; readonly path: string } | { readonly kind: "postgres"; readonly url: string };

/** A `postgres://` or `postgresql://` address, or the path of a file. */
export function storeLocation(text: string): StoreLocation {
  return /^postgres(ql)?:\/\//.test(text) ? { kind: "postgres", url: text } : { kind: "sqlite", path: text };
}

export function openStore(location: StoreLocation): Promise<Store> {
  return location.kind === "sqlite" ? openSqliteStore({ path: location.path }) : openPostgresStore({ url: location.url });
}
