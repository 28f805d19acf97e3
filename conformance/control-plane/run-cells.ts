/** One row of the matrix: a route with every credential. What must be refused is tried first, on the very thing on which the right credential then succeeds. */
import { ROUTES } from "@countersign/sdk/wire";
import type { Access, Route, RouteName } from "@countersign/sdk/wire";
import { expect } from "vitest";
import { CREDENTIAL_NAMES, makeToken, PERSON_OF, RIGHTS, WITHOUT_CSRF } from "./credentials.ts";
import type { CredentialName } from "./credentials.ts";
import { headersFor, makeTarget } from "./route-targets.ts";
import type { Range, Target } from "./route-targets.ts";
import { differences } from "./stored-state.ts";
import type { StoredState } from "./stored-state.ts";

export interface Row {
  readonly unexpected: readonly string[];
  readonly refused: number;
  readonly passed: number;
}

const OTHER_KEYS = { "a key of another owner": 404, "a key of nobody": 404 } as const;
const NO_TOKENS = { "an approver's command line": 403 } as const;

/** Where the list lets somebody come near who may still not: rights in one thing and not in another. Written down, cell by cell. */
const NARROWER: Partial<Record<RouteName, Partial<Record<CredentialName, 403 | 404>>>> = {
  readAsked: OTHER_KEYS,
  readEdit: OTHER_KEYS,
  cancel: OTHER_KEYS,
  supersede: OTHER_KEYS,
  claim: OTHER_KEYS,
  release: OTHER_KEYS,
  outcome: OTHER_KEYS,
  vote: { "the asking key's owner, an approver": 403 },
  edit: { "the asking key's owner, an approver": 403 },
  revokeGrant: { "the asking key's owner, an approver": 403 },
  revokeDelegation: { "the asking key's owner, an approver": 404 },
  passkeyOptions: { ...NO_TOKENS, "the asking agent's own key": 403, "a key of another owner": 403, "a key of nobody": 403, "the operator": 403 },
  makeToken: NO_TOKENS,
  changePassword: NO_TOKENS,
  passkeyRegistrationOptions: NO_TOKENS,
  addPasskey: NO_TOKENS,
  removePasskey: NO_TOKENS,
};

/** The sign-in that is used here is not the same afterwards. */
const ENDS_SIGN_IN: ReadonlySet<RouteName> = new Set(["signOut", "changePassword", "signInByPasskey"]);

function expectedOf(route: RouteName, by: CredentialName): "passes" | 401 | 403 | 404 {
  const { access, method }: Route = ROUTES[route];
  const rights: readonly Access[] = RIGHTS[by];
  const isKnown = rights.length > 1;
  if (!access.some((one) => rights.includes(one))) return isKnown ? 403 : 401;
  if (WITHOUT_CSRF.has(by) && method !== "GET" && !access.includes("anyone")) return 403;
  return NARROWER[route]?.[by] ?? "passes";
}

export async function runRow(route: RouteName, range: Range, state: StoredState, names: readonly CredentialName[]): Promise<Row> {
  const cells = names.map((by) => ({ by, expected: expectedOf(route, by) }));
  const passing = cells.filter(({ expected }) => expected === "passes").map(({ by }) => by);
  const prover = [...PREFERRED, ...CREDENTIAL_NAMES].find((by) => expectedOf(route, by) === "passes");
  if (prover === undefined) throw new TypeError(`nobody may ${route}`);
  const unexpected: string[] = [];
  const target = await makeTarget(route, range, prover);
  const before = await state.dump();
  let version = state.version();
  for (const { by, expected } of cells) {
    if (expected === "passes") continue;
    const status = await send(route, range, by, target);
    if (status !== expected) unexpected.push(`${route} by ${by}: ${status}, not ${expected}`);
    if (state.version() === version) continue;
    version = state.version();
    unexpected.push(...differences(before, await state.dump()).map((line) => `${route} by ${by}: ${line}`));
  }
  if (version === undefined) unexpected.push(...differences(before, await state.dump()).map((line) => `${route}: ${line}`));
  for (const by of [prover, ...passing.filter((one) => one !== prover)]) {
    const status = await send(route, range, by, by === prover ? target : await makeTarget(route, range, by));
    if (status >= 400) unexpected.push(`${route} by ${by}: ${status}, though it may`);
    await signInAgain(route, range, by);
  }
  return { unexpected, refused: cells.length - passing.length, passed: passing.length };
}

const PREFERRED: readonly CredentialName[] = ["an approver", "the asking agent's own key", "a policy editor", "an owner"];

async function send(route: RouteName, range: Range, by: CredentialName, target: Target): Promise<number> {
  const { path, body } = target;
  const answer = await range.plane.send({ method: ROUTES[route].method, path, headers: headersFor(range, by, target), body, headOnly: route === "events" });
  if (answer.status >= 400 && route !== "events") expect(JSON.parse(answer.text)).toMatchObject({ status: answer.status, code: expect.stringMatching(/^[a-z_]+$/) });
  return answer.status;
}

async function signInAgain(route: RouteName, { plane, staff, wallet }: Range, by: CredentialName): Promise<void> {
  const person = PERSON_OF[by];
  if (person === undefined || !ENDS_SIGN_IN.has(route)) return;
  const { personId } = wallet.people[person];
  wallet.people[person] = await staff.signInAgain(personId);
  if (person === "ann" && wallet.token !== undefined) wallet.token = makeToken(plane, personId);
}
