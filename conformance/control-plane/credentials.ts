/** Every kind of credential that a request can come with, live ones and dead ones, and what each may at most be used for. */
import { hash, randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Access } from "@countersign/sdk/wire";
import type { Headers, RunningControlPlane } from "./running-control-plane.ts";
import { fromOurPage, tokenOf } from "./staff.ts";
import type { Key, SignedIn, Staff } from "./staff.ts";

const PERSON: readonly Access[] = ["anyone", "signed_in"];
const OWNER: readonly Access[] = [...PERSON, "owner", "policy_editor", "approver", "auditor"];

/** Written down: a cell of the matrix that is not here must be refused. */
export const RIGHTS = {
  "no credential": ["anyone"],
  "a garbage token": ["anyone"],
  "an authorization of another scheme": ["anyone"],
  "a garbage cookie": ["anyone"],
  "a sign-in that has expired": ["anyone"],
  "a sign-in that was ended": ["anyone"],
  "a sign-in of a disabled person": ["anyone"],
  "a revoked key": ["anyone"],
  "an expired key": ["anyone"],
  "the asking agent's own key": ["anyone", "agent"],
  "a key of another owner": ["anyone", "agent"],
  "a key of nobody": ["anyone", "agent"],
  "an agent's key and an owner's cookie at once": ["anyone"],
  "an agent's key in the cookie": ["anyone"],
  "an owner": OWNER,
  "an approver": [...PERSON, "approver"],
  "the asking key's owner, an approver": [...PERSON, "approver"],
  "a policy editor": [...PERSON, "policy_editor"],
  "an auditor": [...PERSON, "auditor"],
  "a person of no role": PERSON,
  "an approver's command line": [...PERSON, "approver"],
  "the operator": ["anyone", "operator"],
  "another operator's secret": ["anyone"],
  "a one-time link as bearer": ["anyone"],
  "a one-time link as cookie": ["anyone"],
  "a CSRF token as bearer": ["anyone"],
  "an owner's cookie as bearer": ["anyone"],
  "an owner's cookie twice": ["anyone"],
  "an owner's cookie without the CSRF token": OWNER,
  "an owner's cookie with another person's CSRF token": OWNER,
} as const satisfies Readonly<Record<string, readonly Access[]>>;
export type CredentialName = keyof typeof RIGHTS;
export const CREDENTIAL_NAMES = Object.keys(RIGHTS) as readonly CredentialName[]; // the keys of RIGHTS are the names

/** They read as their person does, and change nothing. */
export const WITHOUT_CSRF: ReadonlySet<CredentialName> = new Set(["an owner's cookie without the CSRF token", "an owner's cookie with another person's CSRF token"]);

export const ROLES = { olga: ["owner"], ann: ["approver"], kim: ["approver"], ella: ["policy_editor"], aude: ["auditor"], nora: [] } as const;
export type Name = keyof typeof ROLES;

/** Whose sign-in it is, where it is a person's. */
export const PERSON_OF: Partial<Record<CredentialName, Name>> = {
  "an owner": "olga",
  "an approver": "ann",
  "the asking key's owner, an approver": "kim",
  "a policy editor": "ella",
  "an auditor": "aude",
  "a person of no role": "nora",
  "an approver's command line": "ann",
};

/** What the headers are made of. People's sign-ins are replaced as routes end them. */
export interface Wallet {
  readonly people: Record<Name, SignedIn>;
  readonly keys: { readonly asking: Key; readonly other: Key; readonly nobody: Key; readonly revoked: Key; readonly expired: Key };
  readonly ended: SignedIn;
  readonly expired: SignedIn;
  readonly disabled: SignedIn;
  readonly link: string;
  /** Undefined where the store is not a file that a test can write to. */
  token: string | undefined;
}

export async function fillWallet(plane: RunningControlPlane, staff: Staff): Promise<Wallet> {
  const people = {} as Record<Name, SignedIn>; // filled in the next line
  for (const [name, roles] of Object.entries(ROLES)) people[name as Name] = await staff.join(`${name[0]?.toUpperCase()}${name.slice(1)}`, roles);
  const [disabled, ended, expired] = [await staff.join("Dora", ["owner"]), await staff.signInAgain(people.olga.personId), await staff.signInAgain(people.olga.personId)];
  const expiry = Date.now() + 1500;
  const keys = {
    asking: await staff.addKey("asking", people.kim.personId),
    other: await staff.addKey("other", people.olga.personId),
    nobody: await staff.addKey("nobody's", null),
    revoked: await staff.addKey("revoked", people.kim.personId),
    expired: await staff.addKey("expired", people.kim.personId, expiry),
  };
  await staff.must(staff.owner, "PATCH", `/v1/people/${disabled.personId}`, { status: "disabled" });
  await staff.must(ended, "POST", "/v1/sign-out");
  await staff.must(staff.owner, "DELETE", `/v1/keys/${keys.revoked.id}`);
  const { url } = await staff.must<{ url: string }>(staff.owner, "POST", "/v1/people", { name: "Lena", email: null, roles: ["owner"] });
  await sleep(Math.max(0, expiry + 20 - Date.now()));
  const wallet: Wallet = { people, keys, ended, expired, disabled, link: tokenOf(url), token: undefined };
  if (isFile(plane)) {
    expireSignIn(plane, expired);
    wallet.token = makeToken(plane, people.ann.personId);
  }
  return wallet;
}

function isFile({ directory }: RunningControlPlane): boolean {
  return existsSync(join(directory, "countersign.db"));
}

/** What time does, done at once: nothing in a test lasts fourteen days. */
function expireSignIn({ directory }: RunningControlPlane, { headers }: SignedIn): void {
  const id = hash("sha256", String(headers["cookie"]).split("=")[1] ?? "", "hex");
  withDatabase(directory, (database) => database.prepare("update sign_in set data = json_set(data, '$.expiresAt', 1) where id = ?").run(id));
}

/** A token for the command line, as its row would be: no route makes one yet. */
export function makeToken({ directory }: RunningControlPlane, personId: string): string {
  const token = `css_${randomBytes(32).toString("base64url")}`;
  const at = Date.now();
  const data = { personId, assurance: "authenticated", passkeyAt: null, signedDigest: null, csrfHash: "00".repeat(32), via: "token", about: "test", createdAt: at, lastUsedAt: at, expiresAt: at + 86_400_000 };
  withDatabase(directory, (database) =>
    database.prepare("insert into sign_in (tenant, id, rev, data, person_id, expires_at) values ('default', ?, 1, ?, ?, ?)").run(hash("sha256", token, "hex"), JSON.stringify(data), personId, data.expiresAt),
  );
  return token;
}

function withDatabase(directory: string, work: (database: DatabaseSync) => unknown): void {
  const database = new DatabaseSync(join(directory, "countersign.db"));
  database.exec("pragma busy_timeout = 5000");
  work(database);
  database.close();
}

/** What a request with this credential says of itself, now. */
export function headersOf(name: CredentialName, plane: RunningControlPlane, { people, keys, ended, expired, disabled, link, token }: Wallet): Headers {
  const bearer = (secret: string): Headers => ({ authorization: `Bearer ${secret}` });
  const browser = (cookie: string): Headers => ({ ...fromOurPage(plane), cookie, "x-csrf-token": `csc_${"A".repeat(43)}` });
  const { cookie: own = "", "x-csrf-token": csrf = "", ...page } = people.olga.headers;
  const person = PERSON_OF[name];
  switch (name) {
    case "no credential": return {};
    case "a garbage token": return bearer("csk_garbage");
    case "an authorization of another scheme": return { authorization: `Basic ${Buffer.from("owner:owner").toString("base64")}` };
    case "a garbage cookie": return browser("__Host-countersign=garbage");
    case "a sign-in that has expired": return expired.headers;
    case "a sign-in that was ended": return ended.headers;
    case "a sign-in of a disabled person": return disabled.headers;
    case "a revoked key": return keys.revoked.headers;
    case "an expired key": return keys.expired.headers;
    case "the asking agent's own key": return keys.asking.headers;
    case "a key of another owner": return keys.other.headers;
    case "a key of nobody": return keys.nobody.headers;
    case "an agent's key and an owner's cookie at once": return { ...people.olga.headers, ...keys.asking.headers };
    case "an agent's key in the cookie": return browser(`__Host-countersign=${keys.asking.secret}`);
    case "an approver's command line": return bearer(token ?? "css_none");
    case "the operator": return plane.operator;
    case "another operator's secret": return bearer(`cso_${"A".repeat(43)}`);
    case "a one-time link as bearer": return bearer(link);
    case "a one-time link as cookie": return browser(`__Host-countersign=${link}`);
    case "a CSRF token as bearer": return bearer(csrf);
    case "an owner's cookie as bearer": return bearer(own.split("=")[1] ?? "");
    case "an owner's cookie twice": return { ...people.olga.headers, cookie: `${own}; ${own}` };
    case "an owner's cookie without the CSRF token": return { ...page, cookie: own };
    case "an owner's cookie with another person's CSRF token": return { ...page, cookie: own, "x-csrf-token": String(people.ann.headers["x-csrf-token"]) };
    default: return person === undefined ? {} : people[person].headers;
  }
}
