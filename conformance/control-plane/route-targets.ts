/** For each route something to aim at: a path and a body with which the right credential succeeds, made anew by real steps before. */
import { randomBytes } from "node:crypto";
import { ROUTES } from "@countersign/sdk/wire";
import type { RouteName } from "@countersign/sdk/wire";
import type { CredentialName, Name, Wallet } from "./credentials.ts";
import { headersOf, PERSON_OF, WITHOUT_CSRF } from "./credentials.ts";
import type { Headers, RunningControlPlane } from "./running-control-plane.ts";
import { ask, askBody, askEditable, claimBody, cookiesOf, editBody, fromOurPage, tokenOf, voteBody } from "./staff.ts";
import type { Asked, SignedIn, Staff } from "./staff.ts";
import { newAuthenticator } from "./test-tools.ts";
import type { Authenticator, Provider } from "./test-tools.ts";

export interface Target {
  readonly path: string;
  readonly body?: object | undefined;
  /** Of a sign-in under way; goes beside the credential's own. */
  readonly cookie?: string;
}

export interface Range {
  readonly plane: RunningControlPlane;
  readonly staff: Staff;
  readonly wallet: Wallet;
  readonly provider: Provider;
  readonly passkeys: Readonly<Record<Name | "pat", Authenticator>>;
  /** Has a password and a passkey. */
  readonly pat: SignedIn;
  readonly password: string;
}

type Make = (range: Range, by: CredentialName) => Promise<Target> | Target;

export async function makeTarget(route: RouteName, range: Range, by: CredentialName): Promise<Target> {
  const make = TARGETS[route];
  return make === undefined ? { path: ROUTES[route].path } : make(range, by);
}

let made = 0;
const fresh = (what: string): string => `${what}-${(made += 1)}`;
const of = (route: RouteName, id: string, body?: object): Target => ({ path: ROUTES[route].path.replace(/\{\w+\}/, id), body });

/** The person whose own things the route is about; for whoever is nobody, an approver's. */
function personOf({ wallet }: Range, by: CredentialName): SignedIn {
  return wallet.people[PERSON_OF[by] ?? "ann"];
}

const approved = async ({ staff, wallet }: Range): Promise<Asked> => {
  const request = await ask(staff, wallet.keys.asking);
  await staff.must(wallet.people.ann, "POST", `/v1/approvals/${request.id}/vote`, voteBody(request));
  return request;
};

async function claimed(range: Range): Promise<{ readonly request: Asked; readonly claimId: string }> {
  const request = await approved(range);
  const body = claimBody(request);
  await range.staff.must(range.wallet.keys.asking, "POST", `/v1/approvals/${request.id}/claim`, body);
  return { request, claimId: body.claimId };
}

const pending = (route: RouteName, body: (request: Asked) => object | undefined): Make => async ({ staff, wallet }) => {
  const request = await ask(staff, wallet.keys.asking);
  return of(route, request.id, body(request));
};

const GRANTS = { grants: ["session"] };
const GRANT = { for: "session", free: [] };

async function grantOf({ staff, wallet }: Range): Promise<string> {
  const request = await ask(staff, wallet.keys.asking, GRANTS);
  await staff.must(wallet.people.ann, "POST", `/v1/approvals/${request.id}/vote`, voteBody(request, { grant: GRANT }));
  const { grants } = await staff.must<{ grants: readonly { id: string; requestId: string }[] }>(wallet.people.ann, "GET", "/v1/grants");
  return grants.find(({ requestId }) => requestId === request.id)?.id ?? "none";
}

const policyText = (): string => `version: 1\ndefault: allow\npolicies:\n  - name: ${fresh("policy")}\n    match: mcp:*:nothing\n    action: warn\n`;

/** A call that ran, as an agent's process ships it. */
const decided = (callId: string): object => ({
  type: "decision", callId, at: Date.now(), policyId: "mcp:fs:read", server: "fs", tool: "read", principal: "", agent: "a", user: "", session: "", digest: null, definition: null,
  action: "allow", reason: "", policies: [], decisive: [], findings: [],
});

/** Two steps, of which the first is the sign-in's own or nobody's. */
async function begin({ plane }: Range, path: string, headers: Headers, body?: object): Promise<{ readonly options: object; readonly url: string; readonly cookie: string }> {
  const answer = await plane.send({ method: "POST", path, headers, body });
  if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${answer.text}`);
  return { ...(JSON.parse(answer.text) as { options: object; url: string }), cookie: cookiesOf(answer)[0] ?? "" }; // as the API's document says
}

/** Steps up as the person who is signed in in a browser; anybody else signs in as Pat. */
async function assertion(range: Range, by: CredentialName): Promise<Target> {
  const person = by === "an approver's command line" || WITHOUT_CSRF.has(by) ? undefined : PERSON_OF[by];
  const { options, cookie } = await begin(range, ROUTES.passkeyOptions.path, person === undefined ? fromOurPage(range.plane) : range.wallet.people[person].headers, { requestDigest: null });
  return { path: ROUTES.signInByPasskey.path, body: { response: range.passkeys[person ?? "pat"].get(options) }, cookie };
}

async function registration(range: Range, by: CredentialName): Promise<Target> {
  const { options, cookie } = await begin(range, ROUTES.passkeyRegistrationOptions.path, personOf(range, by).headers);
  const authenticator = await newAuthenticator(`http://localhost:${range.plane.port}`);
  return { path: ROUTES.addPasskey.path, body: { name: "test", response: authenticator.create(options) }, cookie };
}

const TARGETS: Partial<Record<RouteName, Make>> = {
  ask: () => ({ path: ROUTES.ask.path, body: askBody({ path: fresh("/asked") }) }),
  readRequest: pending("readRequest", () => undefined),
  readAsked: pending("readAsked", () => undefined),
  vote: pending("vote", (request) => voteBody(request)),
  edit: async ({ staff, wallet }) => {
    const request = await askEditable(staff, wallet.keys.asking);
    return of("edit", request.id, editBody(request));
  },
  readEdit: async ({ staff, wallet }) => {
    const request = await askEditable(staff, wallet.keys.asking);
    const { id } = await staff.must<Asked>(wallet.people.ann, "POST", `/v1/approvals/${request.id}/edit`, editBody(request));
    return of("readEdit", id);
  },
  cancel: pending("cancel", () => ({ reason: "gone" })),
  supersede: pending("supersede", () => ({ reason: "changed" })),
  claim: async (range) => {
    const request = await approved(range);
    return of("claim", request.id, claimBody(request));
  },
  release: async (range) => {
    const { request, claimId } = await claimed(range);
    return of("release", request.id, { claimId });
  },
  outcome: async (range) => {
    const { request, claimId } = await claimed(range);
    return of("outcome", request.id, { claimId, outcome: "completed", isError: false, elapsedMs: 1 });
  },
  annotate: async (range) => {
    const { request, claimId } = await claimed(range);
    await range.staff.must(range.wallet.keys.asking, "POST", `/v1/approvals/${request.id}/outcome`, { claimId, outcome: "outcome_unknown", isError: false, elapsedMs: 1 });
    return of("annotate", request.id, { happened: true, note: "" });
  },
  leases: async (range) => {
    const { request, claimId } = await claimed(range);
    return { path: ROUTES.leases.path, body: { claims: [{ id: request.id, claimId }] } };
  },
  ship: () => ({ path: ROUTES.ship.path, body: { process: fresh("p"), batch: 1, entries: [{ type: "event", at: 1, event: "gap", detail: { rows: 1 } }] } }),
  throttle: () => ({ path: ROUTES.throttle.path, body: { process: fresh("p"), taken: [{ policy: "slow", key: "k", tokens: 1 }] } }),
  previewGrant: async ({ staff, wallet }) => ({ path: ROUTES.previewGrant.path, body: { requestId: (await ask(staff, wallet.keys.asking, GRANTS)).id, grant: GRANT } }),
  revokeGrant: async (range) => of("revokeGrant", await grantOf(range)),
  readPolicy: () => of("readPolicy", "1"),
  savePolicy: () => ({ path: ROUTES.savePolicy.path, body: { text: policyText(), comment: "" } }),
  checkPolicy: () => ({ path: ROUTES.checkPolicy.path, body: { text: policyText(), comment: "" } }),
  activatePolicy: async ({ staff, wallet }) => {
    const { version } = await staff.must<{ version: number }>(wallet.people.ella, "POST", "/v1/policies", { text: policyText(), comment: "" });
    const { versions } = await staff.must<{ versions: readonly { version: number; active: boolean }[] }>(wallet.people.ella, "GET", "/v1/policies");
    return of("activatePolicy", String(version), { expect: versions.find(({ active }) => active)?.version ?? null, comment: "" });
  },
  explainPolicy: async ({ staff, wallet }) => {
    const callId = fresh("explained");
    await staff.must(wallet.keys.asking, "POST", ROUTES.ship.path, { process: fresh("p"), batch: 1, entries: [decided(callId)] });
    return { path: ROUTES.explainPolicy.path, body: { text: policyText(), callId } };
  },
  replayPolicy: () => ({ path: ROUTES.replayPolicy.path, body: { text: policyText(), days: 1, against: "record" } }),
  addPerson: () => ({ path: ROUTES.addPerson.path, body: { name: "New", email: `${fresh("new")}@example.com`, roles: ["owner"] } }),
  changePerson: ({ pat }) => of("changePerson", pat.personId, { name: fresh("Pat") }),
  invitePerson: ({ pat }) => of("invitePerson", pat.personId),
  addGroup: () => ({ path: ROUTES.addGroup.path, body: { name: fresh("group"), members: [] } }),
  changeGroup: async ({ staff }) => of("changeGroup", await groupOf(staff), { name: fresh("group"), members: [staff.owner.personId] }),
  removeGroup: async ({ staff }) => of("removeGroup", await groupOf(staff)),
  addDelegation: ({ pat }) => ({ path: ROUTES.addDelegation.path, body: { toId: pat.personId, from: 0, until: Date.now() + 3_600_000 } }),
  revokeDelegation: async ({ staff, wallet, pat }) => {
    const { id } = await staff.must<{ id: string }>(wallet.people.ann, "POST", "/v1/delegations", { toId: pat.personId, from: 0, until: Date.now() + 3_600_000 });
    return of("revokeDelegation", id);
  },
  setOnePersonMode: async ({ staff }) => {
    await staff.must(staff.owner, "POST", "/v1/one-person-mode", { on: false });
    return { path: ROUTES.setOnePersonMode.path, body: { on: true } };
  },
  addKey: ({ wallet }) => ({ path: ROUTES.addKey.path, body: { name: "k", ownerId: wallet.people.kim.personId, expiresAt: null } }),
  makeGatewayKey: () => ({ path: ROUTES.makeGatewayKey.path, body: { name: "gateways" } }),
  revokeKey: async ({ staff }) => of("revokeKey", (await staff.addKey("k", null)).id),
  eraseArguments: async ({ staff, wallet }) => {
    const { id } = await ask(staff, wallet.keys.asking);
    await staff.must(wallet.keys.asking, "POST", `/v1/approvals/${id}/cancel`, { reason: "" });
    return { path: ROUTES.eraseArguments.path, body: { requestId: id, reason: "asked" } };
  },
  signInByLink: async (range, by) => {
    const person = WITHOUT_CSRF.has(by) || PERSON_OF[by] === undefined ? range.pat : personOf(range, by);
    const { url } = await range.staff.must<{ url: string }>(range.staff.owner, "POST", `/v1/people/${person.personId}/invitation`);
    return { path: ROUTES.signInByLink.path, body: { token: tokenOf(url) } };
  },
  signInByPassword: ({ password }) => ({ path: ROUTES.signInByPassword.path, body: { email: "pat@example.com", password } }),
  passkeyOptions: () => ({ path: ROUTES.passkeyOptions.path, body: { requestDigest: null } }),
  signInByPasskey: assertion,
  startOidc: () => ({ path: ROUTES.startOidc.path, body: { linkToken: null } }),
  finishOidc: async (range) => {
    const { url, cookie } = await begin(range, ROUTES.startOidc.path, fromOurPage(range.plane), { linkToken: null });
    const back = new URL(await range.provider.visit(url, "oidc-user"));
    return { path: `${back.pathname}${back.search}`, cookie };
  },
  endSignIn: async (range, by) => {
    const { personId } = personOf(range, by);
    const other = await range.staff.signInAgain(personId);
    const { signInId } = await range.staff.must<{ signInId: string }>(other, "GET", "/v1/me");
    return of("endSignIn", signInId);
  },
  makeToken: () => ({ path: ROUTES.makeToken.path, body: { about: "test", days: 1 } }),
  changePassword: () => ({ path: ROUTES.changePassword.path, body: { current: null, password: `correct horse ${randomBytes(6).toString("hex")}` } }),
  addPasskey: registration,
  removePasskey: async (range, by) => {
    const { path, body, cookie = "" } = await registration(range, by);
    const { headers } = personOf(range, by);
    const { passkeyId } = await range.staff.must<{ passkeyId: string }>({ headers: { ...headers, cookie: `${headers["cookie"]}; ${cookie}` } }, "POST", path, body);
    return of("removePasskey", passkeyId);
  },
};

async function groupOf(staff: Staff): Promise<string> {
  return (await staff.must<{ id: string }>(staff.owner, "POST", "/v1/groups", { name: fresh("group"), members: [] })).id;
}

/** The credential's headers with the target's cookie beside its own. */
export function headersFor(range: Range, by: CredentialName, { cookie }: Target): Headers {
  const headers = headersOf(by, range.plane, range.wallet);
  if (cookie === undefined) return headers;
  const own = headers["cookie"];
  return { ...fromOurPage(range.plane), ...headers, cookie: own === undefined ? cookie : `${own}; ${cookie}` };
}
