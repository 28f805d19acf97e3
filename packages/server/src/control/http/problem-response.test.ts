import { problem, PROBLEM_CODES, ROUTES } from "@countersign/sdk/wire";
import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { StoreUnavailableError } from "../store-unavailable-error.ts";
import { CREDENTIALS, recordResources } from "./fixture/recording-resources.ts";
import { BODIES, ROUTE_NAMES, samplePath } from "./fixture/samples.ts";
import { serveApp } from "./fixture/serve-app.ts";
import type { ServedApp } from "./fixture/serve-app.ts";
import { problemResponse, schemaRefusal, statusOf } from "./problem-response.ts";

const SECRET = "hunter2-top-secret";
let app: ServedApp | undefined;
afterEach(async () => {
  await app?.close();
  app = undefined;
});

describe("problem details", () => {
  it.each(PROBLEM_CODES)("%s is RFC 9457 with its own status", async (code) => {
    const response = problemResponse({ ok: false, code, detail: "d" });
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    const body = problem.parse(await response.json());
    expect([body.status, body.code, body.type]).toEqual([statusOf(code), code, `https://countersign.dev/problems/${code}`]);
    expect(response.status).toBe(statusOf(code));
  });

  it("never repeats what was in a body, a query or a path", async () => {
    const recorded = recordResources();
    app = await serveApp(recorded.resources);
    const texts: string[] = [];
    const headers = (access: readonly string[]): Readonly<Record<string, string>> =>
      access.includes("agent") ? CREDENTIALS["an agent's key of the owner"].headers : access.includes("operator") ? CREDENTIALS["the operator"].headers : CREDENTIALS["an owner"].headers;
    for (const route of ROUTE_NAMES.filter((name) => name !== "events" && name !== "finishOidc")) {
      const { method, access } = ROUTES[route];
      const sample = BODIES[route];
      const bodies = sample === undefined ? [undefined] : [spoiled(sample), { ...sample, [SECRET]: SECRET }, [SECRET], SECRET, { a: { [SECRET]: { [SECRET]: [SECRET] } } }];
      for (const body of bodies) texts.push((await app.send({ method, path: `${samplePath(route)}?limit=${SECRET}&after=${SECRET}&waitMs=${SECRET}&order=${SECRET}`, headers: headers(access), body })).text);
      texts.push((await app.send({ method, path: samplePath(route), headers: headers(access), raw: `{"${SECRET}":1,"${SECRET}":"${SECRET}\\ud800"` })).text);
      texts.push((await app.send({ method, path: samplePath(route).replace("some-id", `${SECRET}%2F..%2Fx`), headers: headers(access), body: sample })).text);
    }
    const leaking = texts.filter((text) => text.includes(SECRET));
    expect(leaking).toEqual([]);
    expect(texts.filter((text) => text.includes('"code":"bad_request"')).length).toBeGreaterThan(100);
  });

  it("names a place by the schema's own words and stops at the caller's", () => {
    const schema = z.object({ calls: z.array(z.object({ arguments: z.record(z.string(), z.number()), tool: z.string().nullable() }).catchall(z.number())) });
    const { error } = schema.safeParse({ calls: [{ arguments: { hunter: "x" }, tool: 7, hunter: "y" }] });
    expect(error?.issues).toHaveLength(3);
    expect(error && schemaRefusal("body", schema, error).detail).toBe("body: /calls/0/arguments invalid_type; /calls/0/tool invalid_type; /calls/0 invalid_type");
  });

  it("what goes wrong inside stays inside", async () => {
    const fail = (): never => {
      throw new Error(`/srv/db.sqlite: ${SECRET}`);
    };
    app = await serveApp(recordResources({ "requests.ask": fail }).resources);
    const answer = await app.send({ method: "POST", path: "/v1/approvals", headers: CREDENTIALS["an agent's key of the owner"].headers, body: BODIES.ask });
    expect(answer.status).toBe(500);
    expect(JSON.parse(answer.text)).toEqual({ type: "https://countersign.dev/problems/internal", title: "Something went wrong here", status: 500, code: "internal" });
    expect(app.errors).toHaveLength(1);
  });

  it("a store that is away is 503, with when to ask again", async () => {
    const away = async (): Promise<never> => {
      throw new StoreUnavailableError("connection refused at 10.0.0.7");
    };
    app = await serveApp(recordResources({ "requests.vote": away }).resources);
    const answer = await app.send({ method: "POST", path: "/v1/approvals/some-id/vote", headers: CREDENTIALS["an approver"].headers, body: BODIES.vote });
    expect([answer.status, answer.headers["retry-after"]]).toEqual([503, "1"]);
    expect(answer.text).not.toContain("10.0.0.7");
  });

  it("a refusal of a resource keeps its code, state and request", async () => {
    const ended = async (): Promise<object> => ({ ok: false, code: "ended", detail: "it was denied", state: "denied", requestId: "r1" });
    app = await serveApp(recordResources({ "requests.vote": ended }).resources);
    const answer = await app.send({ method: "POST", path: "/v1/approvals/r1/vote", headers: CREDENTIALS["an approver"].headers, body: BODIES.vote });
    expect(JSON.parse(answer.text)).toMatchObject({ status: 409, code: "ended", detail: "it was denied", state: "denied", requestId: "r1" });
  });

  it("a sign-in's secret is in the cookie and not in the answer", async () => {
    app = await serveApp(recordResources().resources);
    const answer = await app.send({ method: "POST", path: "/v1/sign-in/password", body: BODIES.signInByPassword });
    expect(answer.headers["set-cookie"]).toEqual(["countersign=secret-of-the-sign-in; Path=/; HttpOnly; SameSite=Strict; Max-Age=60"]);
    expect(answer.text).not.toContain("secret-of-the-sign-in");
  });
});

/** Every string is another, of the wrong kind for most fields. */
function spoiled(value: unknown): unknown {
  if (Array.isArray(value)) return [...value.map(spoiled), { [SECRET]: SECRET }];
  if (value !== null && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, spoiled(item)]));
  return typeof value === "string" ? { [SECRET]: SECRET } : SECRET;
}
