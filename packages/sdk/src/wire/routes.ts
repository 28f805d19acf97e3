/**
 * Every route of the control plane and who may use it. The server serves nothing that is not in this list, and the matrix test
 * tries each route with each kind of credential. `agent`: an agent's key; a role: a signed-in person with it (owner has all).
 */
export type Access = "anyone" | "agent" | "signed_in" | "owner" | "policy_editor" | "approver" | "auditor" | "operator";

export interface Route {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  readonly path: string;
  /** Any of these. `operator`: the local operator's secret in the state directory, for `countersign open`, `status` and `policy push`. */
  readonly access: readonly Access[];
  /** What it does, for the OpenAPI document. */
  readonly summary: string;
}

export const ROUTES = {
  health: { method: "GET", path: "/healthz", access: ["anyone"], summary: "Whether the process is alive" },
  ready: { method: "GET", path: "/readyz", access: ["anyone"], summary: "Whether calls can be decided: store, policy, clock" },
  metrics: { method: "GET", path: "/metrics", access: ["operator", "auditor"], summary: "Prometheus text format" },
  openapi: { method: "GET", path: "/v1/openapi.json", access: ["anyone"], summary: "This document" },
  installation: { method: "GET", path: "/v1/installation", access: ["signed_in", "operator"], summary: "What this installation is and how it stands" },

  diagnose: { method: "GET", path: "/v1/installation/diagnosis", access: ["owner", "operator"], summary: "What `doctor` says: what is unsafe here, and what to do about it" },

  readOwnKey: { method: "GET", path: "/v1/key", access: ["agent"], summary: "The key that this is asked with, and whose it is" },
  bundle: { method: "GET", path: "/v1/bundle", access: ["agent"], summary: "The policy document in force" },
  ask: { method: "POST", path: "/v1/approvals", access: ["agent"], summary: "Ask about a held call, or join the request about the same call" },
  listRequests: { method: "GET", path: "/v1/approvals", access: ["approver", "auditor"], summary: "Requests, by state and filter" },
  readRequest: { method: "GET", path: "/v1/approvals/{id}", access: ["approver", "auditor"], summary: "One request, with what would run" },
  readAsked: { method: "GET", path: "/v1/approvals/{id}/asked", access: ["agent"], summary: "One's own request, for whoever asked; ?waitMs= answers when it moves" },
  vote: { method: "POST", path: "/v1/approvals/{id}/vote", access: ["approver"], summary: "Approve or deny" },
  edit: { method: "POST", path: "/v1/approvals/{id}/edit", access: ["approver"], summary: "Approve with other arguments: a new request takes its place" },
  readEdit: { method: "GET", path: "/v1/approvals/{id}/edit", access: ["agent"], summary: "The arguments that an approver wrote, for whoever asked" },
  cancel: { method: "POST", path: "/v1/approvals/{id}/cancel", access: ["agent"], summary: "The caller is gone, or was answered elsewhere" },
  supersede: { method: "POST", path: "/v1/approvals/{id}/supersede", access: ["agent"], summary: "The question is another now" },
  claim: { method: "POST", path: "/v1/approvals/{id}/claim", access: ["agent"], summary: "Spend the approval; the intent is written with it" },
  release: { method: "POST", path: "/v1/approvals/{id}/release", access: ["agent"], summary: "Claimed, and provably nothing was sent" },
  outcome: { method: "POST", path: "/v1/approvals/{id}/outcome", access: ["agent"], summary: "How the execution ended" },
  annotate: { method: "POST", path: "/v1/approvals/{id}/annotation", access: ["approver"], summary: "What really happened, where the outcome is unknown" },
  leases: { method: "POST", path: "/v1/leases", access: ["agent"], summary: "These claims are still being executed" },
  events: { method: "GET", path: "/v1/events", access: ["agent", "signed_in"], summary: "Server-sent events; Last-Event-ID resumes" },
  ship: { method: "POST", path: "/v1/record", access: ["agent"], summary: "Rows of an agent's process" },
  throttle: { method: "POST", path: "/v1/throttle", access: ["agent"], summary: "Exchange of throttle counters" },

  readInsights: { method: "GET", path: "/v1/insights", access: ["auditor", "policy_editor", "approver"], summary: "How people decide: figures over the last days, as far as one may read what they are made of" },

  listGrants: { method: "GET", path: "/v1/grants", access: ["approver", "auditor"], summary: "Standing grants" },
  previewGrant: { method: "POST", path: "/v1/grants/preview", access: ["approver"], summary: "Recorded calls that a grant would have covered" },
  revokeGrant: { method: "DELETE", path: "/v1/grants/{id}", access: ["approver"], summary: "End a standing grant" },

  listPolicies: { method: "GET", path: "/v1/policies", access: ["policy_editor", "auditor", "approver"], summary: "Versions of the policy document" },
  readPolicy: { method: "GET", path: "/v1/policies/{version}", access: ["policy_editor", "auditor", "approver"], summary: "One version" },
  savePolicy: { method: "POST", path: "/v1/policies", access: ["policy_editor", "operator"], summary: "Save a new version; it is not in force yet" },
  checkPolicy: { method: "POST", path: "/v1/policies/check", access: ["policy_editor", "auditor", "approver", "operator"], summary: "Problems and slips of a document" },
  activatePolicy: { method: "POST", path: "/v1/policies/{version}/activate", access: ["policy_editor", "operator"], summary: "Put a version in force; an older one rolls back" },
  explainPolicy: { method: "POST", path: "/v1/policies/explain", access: ["policy_editor", "auditor"], summary: "What a document would decide about a recorded call, and why" },
  replayPolicy: { method: "POST", path: "/v1/policies/replay", access: ["policy_editor", "auditor"], summary: "What a document would have decided about the recorded calls of the last days" },
  listRecordedCalls: { method: "GET", path: "/v1/calls", access: ["policy_editor", "auditor"], summary: "Recorded calls, newest first, without their arguments" },

  listPeople: { method: "GET", path: "/v1/people", access: ["signed_in"], summary: "People" },
  addPerson: { method: "POST", path: "/v1/people", access: ["owner"], summary: "Invite a person" },
  changePerson: { method: "PATCH", path: "/v1/people/{id}", access: ["owner"], summary: "Roles, name, status" },
  invitePerson: { method: "POST", path: "/v1/people/{id}/invitation", access: ["owner"], summary: "A new one-time link for a person" },
  listGroups: { method: "GET", path: "/v1/groups", access: ["signed_in"], summary: "Groups" },
  addGroup: { method: "POST", path: "/v1/groups", access: ["owner"], summary: "Add a group" },
  changeGroup: { method: "PATCH", path: "/v1/groups/{id}", access: ["owner"], summary: "Rename a group or change its members" },
  removeGroup: { method: "DELETE", path: "/v1/groups/{id}", access: ["owner"], summary: "Remove a group" },
  listDelegations: { method: "GET", path: "/v1/delegations", access: ["signed_in"], summary: "Delegations" },
  addDelegation: { method: "POST", path: "/v1/delegations", access: ["approver"], summary: "Let another approver answer for you, for a time" },
  revokeDelegation: { method: "DELETE", path: "/v1/delegations/{id}", access: ["approver"], summary: "End a delegation" },
  setOnePersonMode: { method: "POST", path: "/v1/one-person-mode", access: ["owner"], summary: "Allow or end approving one's own agents' calls" },
  listKeys: { method: "GET", path: "/v1/keys", access: ["owner", "auditor"], summary: "Agent keys" },
  addKey: { method: "POST", path: "/v1/keys", access: ["owner"], summary: "Make an agent key" },
  makeGatewayKey: { method: "POST", path: "/v1/gateway-key", access: ["operator"], summary: "A key for the gateways of this machine, bound to its owner" },
  revokeKey: { method: "DELETE", path: "/v1/keys/{id}", access: ["owner"], summary: "Revoke an agent key" },

  readRecord: { method: "GET", path: "/v1/record", access: ["auditor", "operator"], summary: "Rows of the record, by filter" },
  exportRecord: { method: "GET", path: "/v1/record/export", access: ["auditor", "operator"], summary: "The record with its checkpoints, as JSON Lines" },
  checkpoints: { method: "GET", path: "/v1/record/checkpoints", access: ["auditor", "operator"], summary: "Signed checkpoints" },
  eraseArguments: { method: "POST", path: "/v1/record/erase", access: ["owner"], summary: "Erase arguments; the chain still verifies" },

  me: { method: "GET", path: "/v1/me", access: ["signed_in"], summary: "Who is signed in" },
  signInByLink: { method: "POST", path: "/v1/sign-in/link", access: ["anyone"], summary: "Sign in by a one-time link" },
  signInByPassword: { method: "POST", path: "/v1/sign-in/password", access: ["anyone"], summary: "Sign in by password" },
  passkeyOptions: { method: "POST", path: "/v1/sign-in/passkey/options", access: ["anyone"], summary: "Begin to sign in, or to step up, by passkey" },
  signInByPasskey: { method: "POST", path: "/v1/sign-in/passkey", access: ["anyone"], summary: "Sign in, or step up, by passkey" },
  startOidc: { method: "POST", path: "/v1/sign-in/oidc", access: ["anyone"], summary: "Begin to sign in at the OpenID provider" },
  finishOidc: { method: "GET", path: "/v1/sign-in/oidc/callback", access: ["anyone"], summary: "Where the OpenID provider sends the browser back to" },
  signInMethods: { method: "GET", path: "/v1/sign-in", access: ["anyone"], summary: "Which ways to sign in there are" },
  signOut: { method: "POST", path: "/v1/sign-out", access: ["signed_in"], summary: "Sign out" },
  listSignIns: { method: "GET", path: "/v1/sign-ins", access: ["signed_in"], summary: "One's own sign-ins" },
  endSignIn: { method: "DELETE", path: "/v1/sign-ins/{id}", access: ["signed_in"], summary: "End one of one's own sign-ins" },
  changePassword: { method: "POST", path: "/v1/me/password", access: ["signed_in"], summary: "Set or change one's password" },
  passkeyRegistrationOptions: { method: "POST", path: "/v1/me/passkeys/options", access: ["signed_in"], summary: "Begin to add a passkey" },
  addPasskey: { method: "POST", path: "/v1/me/passkeys", access: ["signed_in"], summary: "Add a passkey" },
  removePasskey: { method: "DELETE", path: "/v1/me/passkeys/{id}", access: ["signed_in"], summary: "Remove a passkey" },
  makeToken: { method: "POST", path: "/v1/me/tokens", access: ["signed_in"], summary: "Make a token of one's own for the command line, shown once" },
  makeOwnerLink: { method: "POST", path: "/v1/owner-link", access: ["operator"], summary: "A one-time link that signs the owner in" },
  stop: { method: "POST", path: "/v1/stop", access: ["operator"], summary: "End this process in good order" },
} as const satisfies Readonly<Record<string, Route>>;
export type RouteName = keyof typeof ROUTES;
