import { createHash } from "node:crypto";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openEmbedded, type Embedded } from "../fixture/open-embedded.ts";
import { createPolicies } from "../policy/policies.ts";
import { recordResources } from "./fixture/recording-resources.ts";

const FIRST = "version: 1\ndefault: block\npolicies: []\n";
const SECOND = "version: 1\ndefault: allow\npolicies: []\n";

let embedded: Embedded;
beforeAll(async () => {
  embedded = await openEmbedded({
    others: ({ ledger, store, requests }) => {
      const { record, throttle, installation } = recordResources().resources;
      const policies = createPolicies({ ledger, store, reviewPending: () => requests.review() });
      return { policies, record, throttle, installation, bundle: { read: (identity) => policies.readBundle(identity) } };
    },
  });
});
afterAll(() => embedded.close());

it("a bundle is fetched once: with its ETag it is 304 until another document is in force", async () => {
  const owner = await embedded.owner();
  const { body: made } = await embedded.as<{ secret: string }>(owner, "POST", "/v1/keys", { name: "k", ownerId: null, expiresAt: null });
  const fetchBundle = (etag?: string) => embedded.as<{ text: string; digest: string }>({ headers: { authorization: `Bearer ${made.secret}`, ...(etag === undefined ? {} : { "if-none-match": etag }) } }, "GET", "/v1/bundle");
  const push = async (text: string, expectVersion: number | null) => {
    const { body: saved } = await embedded.as<{ version: number }>(embedded.operator, "POST", "/v1/policies", { text, comment: "" });
    expect((await embedded.as(embedded.operator, "POST", `/v1/policies/${saved.version}/activate`, { expect: expectVersion, comment: "" })).status).toBe(200);
    return saved.version;
  };
  expect((await fetchBundle()).status).toBe(503);
  const one = await push(FIRST, null);
  const first = await fetchBundle();
  const etag = String(first.answer.headers["etag"]);
  expect([first.status, first.body.text, etag]).toEqual([200, FIRST, `"${first.body.digest}"`]);
  const unchanged = await fetchBundle(etag);
  expect([unchanged.status, unchanged.answer.text, unchanged.answer.headers["etag"]]).toEqual([304, "", etag]);
  expect((await fetchBundle(`"${createHash("sha256").update("x").digest("hex")}"`)).status).toBe(200);
  const two = await push(SECOND, one);
  const second = await fetchBundle(etag);
  expect([second.status, second.body.text, second.answer.headers["etag"] === etag]).toEqual([200, SECOND, false]);
  expect((await embedded.as(embedded.operator, "POST", `/v1/policies/${one}/activate`, { expect: two, comment: "back" })).status).toBe(200);
  expect((await fetchBundle(etag)).status).toBe(304);
});
