import { afterAll, beforeAll, expect, it } from "vitest";
import { CSRF, recordResources } from "./fixture/recording-resources.ts";
import { serveApp } from "./fixture/serve-app.ts";
import type { ServedApp } from "./fixture/serve-app.ts";

let app: ServedApp;
beforeAll(async () => {
  app = await serveApp(recordResources().resources);
});
afterAll(() => app.close());

it("the way back from an OpenID provider hands the page its CSRF token, in the fragment alone", async () => {
  const { status, headers, text } = await app.send({ method: "GET", path: "/v1/sign-in/oidc/callback?code=c&state=s" });
  expect([status, headers["location"], text]).toEqual([303, `/#csrf=${CSRF}`, ""]);
  expect(String(headers["set-cookie"])).not.toContain(CSRF);
});

it("who is refused on that way is led back to the sign-in page, and a program is told so", async () => {
  const { resources } = recordResources();
  const finishOidc = async () => ({ ok: false, code: "unauthenticated", detail: "not known" });
  const signIns = new Proxy(resources.signIns, { get: (own, name) => (name === "finishOidc" ? finishOidc : Reflect.get(own, name)) });
  const refusing = await serveApp({ ...resources, signIns });
  try {
    const path = "/v1/sign-in/oidc/callback?code=c&state=s";
    const visit = await refusing.send({ method: "GET", path, headers: { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" } });
    expect([visit.status, visit.headers["location"], visit.headers["set-cookie"], visit.text]).toEqual([303, "/sign-in#refused=unauthenticated", undefined, ""]);
    expect((await refusing.send({ method: "GET", path })).status).toBe(401);
  } finally {
    await refusing.close();
  }
});
