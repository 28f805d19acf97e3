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
