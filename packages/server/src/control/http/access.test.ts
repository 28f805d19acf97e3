import { ROUTES } from "@countersign/sdk/wire";
import type { Access, Route } from "@countersign/sdk/wire";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CREDENTIALS, recordResources } from "./fixture/recording-resources.ts";
import type { CredentialName } from "./fixture/recording-resources.ts";
import { BODIES, ROUTE_NAMES, samplePath } from "./fixture/samples.ts";
import { serveApp } from "./fixture/serve-app.ts";
import type { ServedApp } from "./fixture/serve-app.ts";

/** What each credential may at most be used for, written down: a cell that is not here must be refused. */
const RIGHTS: Readonly<Record<CredentialName, readonly Access[]>> = {
  "no credential": ["anyone"],
  "a garbage token": ["anyone"],
  "an authorization of another scheme": ["anyone"],
  "a garbage cookie": ["anyone"],
  "an agent's key of the owner": ["anyone", "agent"],
  "an agent's key of somebody else": ["anyone", "agent"],
  "an agent's key of nobody": ["anyone", "agent"],
  "a revoked key": ["anyone"],
  "an owner": ["anyone", "signed_in", "owner", "policy_editor", "approver", "auditor"],
  "an approver": ["anyone", "signed_in", "approver"],
  "a policy editor": ["anyone", "signed_in", "policy_editor"],
  "an auditor": ["anyone", "signed_in", "auditor"],
  "a person of no role": ["anyone", "signed_in"],
  "a disabled person": ["anyone"],
  "an approver's command line": ["anyone", "signed_in", "approver"],
  "the operator": ["anyone", "operator"],
  "an owner's cookie without the CSRF token": ["anyone", "signed_in", "owner", "policy_editor", "approver", "auditor"],
  "an owner's cookie with another CSRF token": ["anyone", "signed_in", "owner", "policy_editor", "approver", "auditor"],
  "an owner's cookie and an agent's key": ["anyone"],
};
const NO_CSRF = new Set<CredentialName>(["an owner's cookie without the CSRF token", "an owner's cookie with another CSRF token"]);
const NAMES = Object.keys(CREDENTIALS) as readonly CredentialName[]; // the keys of CREDENTIALS are the names

/** Served by the process itself: nothing behind them is reached. */
const OWN = new Set(["health", "ready", "metrics", "openapi", "events"]);

describe("R15: every route × every credential; what is not listed is refused and reaches nothing", () => {
  const recorded = recordResources();
  let app: ServedApp;
  beforeAll(async () => {
    app = await serveApp(recorded.resources);
  });
  afterAll(() => app.close());

  it.each(NAMES)("%s", async (name) => {
    const unexpected: string[] = [];
    let allowedCells = 0;
    for (const route of ROUTE_NAMES) {
      const { method, access }: Route = ROUTES[route];
      recorded.reached.length = 0;
      const { status, text } = await app.send({ method, path: samplePath(route), headers: CREDENTIALS[name].headers, body: BODIES[route], headOnly: route === "events" });
      const isListed = access.some((one) => RIGHTS[name].includes(one));
      const isStopped = NO_CSRF.has(name) && method !== "GET" && !access.includes("anyone");
      const mayPass = isListed && !isStopped;
      if (mayPass) allowedCells += 1;
      const passed = status < 400 && (OWN.has(route) || recorded.reached.length === 1);
      const refused = (status === 401 || status === 403) && recorded.reached.length === 0 && (text === "" || (JSON.parse(text) as { status: number }).status === status);
      if (mayPass ? !passed : !refused) unexpected.push(`${method} ${ROUTES[route].path}: ${status}, reached ${recorded.reached.length}`);
    }
    expect(unexpected).toEqual([]);
    expect(allowedCells).toBeGreaterThan(5); // health, ready, document and the ways to sign in are open to all
    expect(app.errors).toEqual([]);
  });

  it("an agent's key never reaches a route that decides", async () => {
    for (const route of ["vote", "edit", "annotate", "activatePolicy", "savePolicy", "addKey", "makeGatewayKey", "changePerson", "revokeGrant", "setOnePersonMode", "eraseArguments", "makeOwnerLink", "makeToken", "stop"] as const) {
      recorded.reached.length = 0;
      const answer = await app.send({ method: ROUTES[route].method, path: samplePath(route), headers: CREDENTIALS["an agent's key of the owner"].headers, body: BODIES[route] });
      expect([route, answer.status, recorded.reached]).toEqual([route, 403, []]);
    }
  });

  it("a cookie without its token counts for nothing where anyone may sign in", async () => {
    recorded.reached.length = 0;
    await app.send({ method: "POST", path: "/v1/sign-in/passkey/options", headers: CREDENTIALS["an owner's cookie without the CSRF token"].headers, body: BODIES.passkeyOptions });
    expect(recorded.reached.map(({ name, args }) => [name, args[0]])).toEqual([["passkeyOptions", { kind: "anonymous" }]]);
  });
});
