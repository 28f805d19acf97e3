import { afterEach, describe, expect, it } from "vitest";
import { BODIES } from "./fixture/samples.ts";
import { CREDENTIALS, recordResources } from "./fixture/recording-resources.ts";
import { serveApp } from "./fixture/serve-app.ts";
import type { ServedApp } from "./fixture/serve-app.ts";
import { DEFAULT_LIMITS } from "./limits.ts";
import { createRateLimiter } from "./rate-limit.ts";

let app: ServedApp | undefined;
afterEach(async () => {
  await app?.close();
  app = undefined;
});

describe("rates", () => {
  it("a bucket gives its burst, then its rate, and says when to come back", () => {
    let now = 0;
    const limiter = createRateLimiter({ perSecond: 2, burst: 3 }, () => now);
    expect([1, 2, 3, 4].map(() => limiter.take("a"))).toEqual([0, 0, 0, 500]);
    expect(limiter.take("b")).toBe(0);
    expect([limiter.take("c", 5), limiter.take("c")]).toEqual([0, 1500]);
    now = 499;
    expect(limiter.take("a")).toBeGreaterThan(0);
    now = 500;
    expect([limiter.take("a"), limiter.take("a")]).toEqual([0, 500]);
    now = 60_000;
    expect([1, 2, 3, 4].map(() => limiter.take("a"))).toEqual([0, 0, 0, 500]);
  });

  it("names that nobody uses again are forgotten", () => {
    let now = 0;
    const limiter = createRateLimiter({ perSecond: 1, burst: 1 }, () => (now += 1));
    for (let name = 0; name < 120_000; name += 1) limiter.take(String(name));
    expect(limiter.size).toBeLessThanOrEqual(50_000);
  });

  it("a key over its rate is refused, and the other keys, people and health are not", async () => {
    const recorded = recordResources();
    app = await serveApp(recorded.resources, { limits: { rates: { ...DEFAULT_LIMITS.rates, key: { ...DEFAULT_LIMITS.rates.key, perSecond: 0.001, burst: 2 } } } });
    const of = async (who: "an agent's key of the owner" | "an agent's key of somebody else" | "an owner", path: string): Promise<number> => (await app?.send({ method: "GET", path, headers: CREDENTIALS[who].headers }))?.status ?? 0;
    const statuses = [];
    for (let n = 0; n < 4; n += 1) statuses.push(await of("an agent's key of the owner", "/v1/bundle"));
    expect(statuses).toEqual([200, 200, 429, 429]);
    expect(recorded.reached).toHaveLength(2);
    expect(await of("an agent's key of somebody else", "/v1/bundle")).toBe(200);
    expect(await of("an owner", "/v1/approvals")).toBe(200);
  });

  it("a body costs a key as many requests as it is long, said beforehand or not, and is not read beyond", async () => {
    const recorded = recordResources();
    app = await serveApp(recorded.resources, { limits: { rates: { ...DEFAULT_LIMITS.rates, key: { perSecond: 0.001, burst: 50, bodyBytes: 16 * 1024 } } } });
    const ask = async (who: "an agent's key of the owner" | "an agent's key of somebody else" | "an agent's key of nobody", more: object = {}) =>
      (await app?.send({ method: "POST", path: "/v1/approvals", headers: CREDENTIALS[who].headers, body: { ...BODIES.ask, ...more } }))?.status ?? 0;
    const long = { policies: ["x".repeat(400 * 1024)] };
    expect([await ask("an agent's key of the owner", long), await ask("an agent's key of the owner", long), await ask("an agent's key of the owner")]).toEqual([201, 201, 429]);
    // A length that is not said may be any.
    const headers = { ...CREDENTIALS["an agent's key of somebody else"].headers, "content-type": "application/json", connection: "close" };
    const chunked = await fetch(`http://127.0.0.1:${app.port}/v1/approvals`, { method: "POST", headers, body: new Blob([JSON.stringify(BODIES.ask)]).stream(), duplex: "half" });
    expect([chunked.status, await ask("an agent's key of somebody else")]).toEqual([201, 429]);
    await chunked.text();
    for (let n = 0; n < 49; n += 1) expect(await ask("an agent's key of nobody")).toBe(201);
    expect(recorded.reached).toHaveLength(52);
  });

  it("guessing passwords is slowed down by address, and a signed-in person still works from there", async () => {
    app = await serveApp(recordResources().resources, { limits: { rates: { ...DEFAULT_LIMITS.rates, signIn: { perSecond: 0.001, burst: 5 }, stranger: { perSecond: 0.001, burst: 8 } } } });
    const statuses = [];
    for (let n = 0; n < 7; n += 1) statuses.push((await app.send({ method: "POST", path: "/v1/sign-in/password", body: { email: "ann@example.com", password: `p${n}` } })).status);
    expect(statuses).toEqual([200, 200, 200, 200, 200, 429, 429]);
    for (let n = 0; n < 10; n += 1) await app.send({ method: "GET", path: "/v1/me", headers: CREDENTIALS["a garbage token"].headers });
    const confirming = await app.send({ method: "POST", path: "/v1/sign-in/passkey/options", headers: CREDENTIALS["an owner"].headers, body: { requestDigest: null } });
    expect(confirming.status).toBe(200);
    const stranger = await app.send({ method: "GET", path: "/v1/me", headers: CREDENTIALS["a garbage token"].headers });
    expect(stranger.status).toBe(429);
    expect(Number(stranger.headers["retry-after"])).toBeGreaterThan(1);
    expect((await app.send({ method: "GET", path: "/v1/me", headers: CREDENTIALS["an owner"].headers })).status).toBe(200);
  });
});
