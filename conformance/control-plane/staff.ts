/** People, keys and calls of a control plane under test, made as anybody makes them: over HTTP, by links and by the owner. */
import { hash, randomBytes } from "node:crypto";
import { canonicalJson } from "@countersign/sdk/call";
import type { JsonObject } from "@countersign/sdk";
import type { Answered, Headers, RunningControlPlane } from "./running-control-plane.ts";

export interface SignedIn {
  readonly personId: string;
  /** Cookie, CSRF token and where the page is from, as a browser sends them. */
  readonly headers: Headers;
}

export interface Key {
  readonly id: string;
  readonly secret: string;
  readonly headers: Headers;
}

export interface Said<T> {
  readonly status: number;
  readonly body: T;
  readonly answer: Answered;
}

export interface Staff {
  /** The first owner: signed in by the operator's link. */
  readonly owner: SignedIn;
  /** Sends as that one, and reads the answer as JSON. What is in it is for the test to say. */
  as<T = Readonly<Record<string, unknown>>>(who: { readonly headers: Headers } | undefined, method: string, path: string, body?: object): Promise<Said<T>>;
  /** The same; throws where it is refused. */
  must<T = Readonly<Record<string, unknown>>>(who: { readonly headers: Headers } | undefined, method: string, path: string, body?: object): Promise<T>;
  join(name: string, roles: readonly string[]): Promise<SignedIn>;
  /** A sign-in of a person that is there. */
  signInAgain(personId: string): Promise<SignedIn>;
  signInBy(url: string): Promise<SignedIn>;
  addKey(name: string, ownerId: string | null, expiresAt?: number | null): Promise<Key>;
}

export async function hireStaff(plane: RunningControlPlane): Promise<Staff> {
  const as: Staff["as"] = async <T>(who: { readonly headers: Headers } | undefined, method: string, path: string, body?: object): Promise<Said<T>> => {
    const answer = await plane.send({ method, path, headers: who?.headers ?? {}, body });
    return { status: answer.status, body: (answer.text === "" ? {} : JSON.parse(answer.text)) as T, answer }; // the test says what it is
  };
  const must: Staff["must"] = async <T>(who: { readonly headers: Headers } | undefined, method: string, path: string, body?: object): Promise<T> => {
    const said = await as<T>(who, method, path, body);
    if (said.status >= 400) throw new Error(`${method} ${path}: ${said.status} ${said.answer.text}`);
    return said.body;
  };
  const signInBy = async (url: string): Promise<SignedIn> => signedIn(plane, await plane.send({ method: "POST", path: "/v1/sign-in/link", body: { token: tokenOf(url) } }));
  const owner = await signInBy((await must<{ url: string }>({ headers: plane.operator }, "POST", "/v1/owner-link")).url);
  return {
    owner,
    as,
    must,
    signInBy,
    join: async (name, roles) => signInBy((await must<{ url: string }>(owner, "POST", "/v1/people", { name, email: `${name.toLowerCase()}@example.com`, roles })).url),
    signInAgain: async (personId) => signInBy((await must<{ url: string }>(owner, "POST", `/v1/people/${personId}/invitation`)).url),
    addKey: async (name, ownerId, expiresAt = null) => {
      const { key, secret } = await must<{ key: { id: string }; secret: string }>(owner, "POST", "/v1/keys", { name, ownerId, expiresAt });
      return { id: key.id, secret, headers: { authorization: `Bearer ${secret}` } };
    },
  };
}

/** The secret in a one-time link. */
export function tokenOf(url: string): string {
  return new URL(url).hash.slice("#link=".length);
}

/** `name=value` of each cookie in an answer. */
export function cookiesOf({ headers }: Answered): readonly string[] {
  return [headers["set-cookie"] ?? []].flat().map((cookie) => cookie.split(";")[0] ?? "");
}

export function signedIn(plane: RunningControlPlane, answer: Answered): SignedIn {
  if (answer.status !== 200) throw new Error(`not signed in: ${answer.status} ${answer.text}`);
  const { csrf, personId } = JSON.parse(answer.text) as { csrf: string; personId: string }; // as the API's document says
  return { personId, headers: { ...fromOurPage(plane), cookie: cookiesOf(answer).join("; "), "x-csrf-token": csrf } };
}

/** What a browser says of a request that our own page makes. */
export function fromOurPage({ port }: RunningControlPlane): Headers {
  return { origin: `http://localhost:${port}`, "sec-fetch-site": "same-origin" };
}

export interface Requirement {
  readonly policy?: string;
  readonly approvers?: readonly string[];
  readonly quorum?: number;
  readonly selfApproval?: boolean;
  readonly grants?: readonly string[];
  readonly edits?: boolean;
}

/** The body of a question about a call that writes a file. The digest is made as the design says, not by the code under test. */
export function askBody(args: JsonObject, requirement: Requirement = {}, change: object = {}): object {
  const bound = { server: { name: "filesystem", identity: null }, tool: "write_file", definition: null, arguments: args, context: {} };
  return {
    call: { ...bound, callId: "call-1", server: { ...bound.server, transport: "stdio" }, digest: hash("sha256", `countersign/call/v1\0${canonicalJson(bound)}`, "hex") },
    caller: { agent: { name: "file-manager", id: "a" }, user: { id: "user-123" }, session: { id: "s1" } },
    findings: [],
    reason: "File writes require approval",
    policies: ["file-writes"],
    requirements: [{ policy: "file-writes", approvers: [], quorum: 1, timeoutMinutes: 5, grants: [], edits: false, requireReason: false, escalate: [], ...requirement }],
    policyDigest: null,
    timeoutMs: null,
    narration: { description: "", definition: null },
    traceparent: null,
    ...change,
  };
}

export interface Asked {
  readonly id: string;
  readonly rev: number;
  readonly state: string;
  readonly requestDigest: string;
  readonly callDigest: string;
}

/** The tool as its server lists it: without it nobody can change the arguments, since nobody could check them. */
const WRITE_FILE = { name: "write_file", inputSchema: { type: "object", properties: { path: { type: "string" } }, required: ["path"] } } as const;

/** A pending request whose arguments an approver may change. */
export async function askEditable(staff: Staff, key: Key, requirement: Requirement = {}): Promise<Asked> {
  calls += 1;
  const definition = hash("sha256", `countersign/definition/v1\0${canonicalJson(WRITE_FILE)}`, "hex");
  const bound = { server: { name: "filesystem", identity: null }, tool: "write_file", definition, arguments: { path: `/tmp/${calls}` }, context: {} };
  const call = { ...bound, callId: "call-1", server: { ...bound.server, transport: "stdio" }, digest: hash("sha256", `countersign/call/v1\0${canonicalJson(bound)}`, "hex") };
  const body = askBody({}, { edits: true, ...requirement }, { call, narration: { description: "", definition: WRITE_FILE } });
  return (await staff.must<{ request: Asked }>(key, "POST", "/v1/approvals", body)).request;
}

/** Another path, as a page sends it that has shown it. */
export function editBody({ requestDigest }: Pick<Asked, "requestDigest">, path = "/tmp/edited", change: object = {}): object {
  const argumentsText = canonicalJson({ path });
  const viewedDigest = hash("sha256", `countersign/view/v1\0{"arguments":${argumentsText},"context":{},"request":"${requestDigest}"}`, "hex");
  return { requestDigest, argumentsText, viewedDigest, reason: "another place", ...change };
}

let calls = 0;

/** A pending request about a call that nobody has asked about. */
export async function ask(staff: Staff, key: Key, requirement: Requirement = {}): Promise<Asked> {
  calls += 1;
  return (await staff.must<{ request: Asked }>(key, "POST", "/v1/approvals", askBody({ path: `/tmp/${calls}` }, requirement))).request;
}

export function voteBody({ requestDigest }: Asked, change: object = {}): object {
  return { choice: "approve", requestDigest, viewedDigest: null, reason: "looks right", grant: null, ...change };
}

export function claimBody({ callDigest }: Asked, claimId = randomBytes(32).toString("hex")) {
  return { claimId, callDigest, definition: null, serverIdentity: null };
}
