/** One-time links: a secret that signs one person in, once, for a short time. Stored by its hash; a newer one ends the older ones. */
import { hashSecret } from "../../auth/secret.ts";
import type { Person } from "../../store/entity/directory.ts";
import type { OneTimeLink } from "../../store/entity/sign-in.ts";
import type { Key } from "../../store/store.ts";
import type { View } from "../ledger.ts";
import type { Part } from "./change-mode.ts";

export const INVITATION_MS = 24 * 60 * 60_000;
export const OWNER_LINK_MS = 10 * 60_000;

export interface NewLink {
  readonly token: string;
  readonly purpose: OneTimeLink["purpose"];
  readonly forMs: number;
  readonly by: string;
}

/** What a command that makes this link must need: also rows that are not there yet. */
export function linkKey(token: string): Key {
  return { table: "one_time_link", id: hashSecret(token) };
}

/** The link and the person's row with it; the caller writes the person's row of the record. */
export function linkFor(view: View, person: { readonly id: string; readonly rev: number; readonly data: Person }, link: NewLink): Part & { readonly data: Person; readonly expiresAt: number } {
  const createdAt = Math.max(view.now, (person.data.linksFrom ?? 0) + 1);
  const expiresAt = createdAt + link.forMs;
  const data: Person = { ...person.data, linksFrom: createdAt };
  return {
    data,
    expiresAt,
    changes: [
      { table: "person", id: person.id, rev: person.rev, data },
      { table: "one_time_link", id: hashSecret(link.token), rev: 0, data: { purpose: link.purpose, personId: person.id, createdAt, expiresAt, usedAt: null } },
    ],
    entries: [{ type: "event", at: view.now, event: "link_made", detail: { purpose: link.purpose, person: person.id, by: link.by, expiresAt } }],
  };
}

/** In the fragment, which a browser sends to nobody and no link scanner follows: opening the page spends nothing. */
export function linkUrl(origin: string, token: string): string {
  return `${origin}/sign-in#link=${token}`;
}
