import { ROUTES } from "@countersign/sdk/wire";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CREDENTIALS, recordResources } from "./fixture/recording-resources.ts";
import { ROUTE_NAMES, samplePath } from "./fixture/samples.ts";
import { serveApp } from "./fixture/serve-app.ts";
import type { ServedApp } from "./fixture/serve-app.ts";

/** Functions that change nothing, written down: whatever else is reached by looking fails. */
const READING = new Set([
  "bundle.read", "requests.list", "requests.read", "requests.asked", "requests.readEdit", "grants.list", "policies.list", "policies.read", "people.list", "people.listGroups", "people.listDelegations",
  "keys.list", "keys.readOwn", "record.query", "record.export", "record.checkpoints", "signIns.me", "signIns.methods", "signIns.list", "installation.read", "trials.calls", "installation.diagnose", "insights.read",
]);
const LOOKERS = {
  "Slack's unfurler": { "user-agent": "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)" },
  "a link scanner": { "user-agent": "Mozilla/5.0 (compatible; SafeLinks)", accept: "*/*" },
  "a browser that prefetches": { "sec-purpose": "prefetch;prerender", purpose: "prefetch", "sec-fetch-site": "none", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" },
} as const;
const WHO = ["no credential", "an agent's key of the owner", "an owner", "an approver's command line", "the operator"] as const;

describe("R19: looking never decides", () => {
  const recorded = recordResources();
  let app: ServedApp;
  beforeAll(async () => {
    app = await serveApp(recorded.resources);
  });
  afterAll(() => app.close());

  it.each(["GET", "HEAD", "OPTIONS"])("%s on the path of every route reaches nothing that changes something", async (method) => {
    const changed = new Set<string>();
    let tries = 0;
    for (const route of ROUTE_NAMES) {
      for (const who of WHO) {
        for (const looker of Object.values(LOOKERS)) {
          recorded.reached.length = 0;
          const path = samplePath(route);
          // The way back from an OpenID provider signs in, and only signs in.
          const isCallback = route === "finishOidc" && method === "GET";
          await app.send({ method, path, headers: { ...CREDENTIALS[who].headers, ...looker }, headOnly: path === "/v1/events" });
          tries += 1;
          for (const { resource, name } of recorded.reached) if (!READING.has(`${resource}.${name}`) && !(isCallback && name === "finishOidc")) changed.add(`${path}: ${resource}.${name}`);
        }
      }
    }
    expect([...changed]).toEqual([]);
    expect(tries).toBe(ROUTE_NAMES.length * WHO.length * 3);
  });

  it.each(["PUT", "TRACE", "PROPFIND", "QUERY", "PURGE"])("%s is no method of any route", async (method) => {
    recorded.reached.length = 0;
    for (const route of ROUTE_NAMES) {
      const { status } = await app.send({ method, path: samplePath(route), headers: CREDENTIALS["an owner"].headers });
      expect(status).toBe(405);
    }
    expect(recorded.reached).toEqual([]);
  });

  it("a method override is not honoured", async () => {
    recorded.reached.length = 0;
    for (const name of ["x-http-method-override", "x-method-override", "x-http-method"]) {
      await app.send({ method: "GET", path: "/v1/approvals/some-id/vote", headers: { ...CREDENTIALS["an owner"].headers, [name]: "POST" } });
      await app.send({ method: "GET", path: "/v1/grants/some-id?_method=DELETE", headers: { ...CREDENTIALS["an owner"].headers, [name]: "DELETE" } });
    }
    expect(recorded.reached).toEqual([]);
  });

  it("OPTIONS says which methods there are, and nothing to other origins", async () => {
    const { status, headers } = await app.send({ method: "OPTIONS", path: "/v1/approvals/some-id/vote" });
    expect(status).toBe(204);
    expect(headers["allow"]).toBe("POST, OPTIONS");
    expect(Object.keys(headers).filter((name) => name.startsWith("access-control-"))).toEqual([]);
  });

  it("HEAD of the provider's callback signs nobody in", async () => {
    recorded.reached.length = 0;
    expect((await app.send({ method: "HEAD", path: `${ROUTES.finishOidc.path}?code=c&state=s` })).status).toBe(405);
    expect(recorded.reached).toEqual([]);
  });
});
