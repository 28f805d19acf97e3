import { createHmac, randomBytes } from "node:crypto";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createSigner } from "./webhook-signature.ts";

const secret = `whsec_${randomBytes(32).toString("base64")}`;
const other = `whsec_${randomBytes(32).toString("base64")}`;
const BODY = '{"approved":true,"digest":"00"}';

/** The headers as node:http hands them out. */
function distinct(headers: { readonly [name: string]: string }): NodeJS.Dict<string[]> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]]));
}

const signed = (at = new Date(), body = BODY, by = secret): NodeJS.Dict<string[]> => distinct(createSigner([by]).sign("msg_1", at, body));
const minutesAgo = (minutes: number): Date => new Date(Date.now() - minutes * 60_000);

describe("createSigner", () => {
  it("signs as the Standard Webhooks specification says", () => {
    const at = new Date("2026-01-14T10:00:00.900Z");
    const key = Buffer.from(secret.slice("whsec_".length), "base64");
    const expected = createHmac("sha256", key).update(`msg_1.1768384800.${BODY}`).digest("base64");
    expect(createSigner([secret]).sign("msg_1", at, BODY)).toEqual({
      "webhook-id": "msg_1",
      "webhook-timestamp": "1768384800",
      "webhook-signature": `v1,${expected}`,
    });
  });

  it("takes an answer that the other side signed with the same secret, and tells its id", () => {
    expect(createSigner([secret]).verify(signed(), BODY)).toBe("msg_1");
    expect(createSigner([secret]).verify(signed(minutesAgo(4)), BODY)).toBe("msg_1");
  });

  it("signs with both secrets and takes either while one replaces the other", () => {
    const both = createSigner([secret, other]);
    for (const by of [secret, other]) {
      expect(both.verify(signed(new Date(), BODY, by), BODY)).toBe("msg_1");
      expect(createSigner([by]).verify(distinct(both.sign("msg_1", new Date(), BODY)), BODY)).toBe("msg_1");
    }
  });

  it.each([
    ["another secret", signed(new Date(), BODY, other), BODY],
    ["an old time", signed(minutesAgo(6)), BODY],
    ["a time to come", signed(minutesAgo(-6)), BODY],
    ["a re-encoded body", signed(), JSON.stringify(JSON.parse(BODY), null, 1)],
    ["another body", signed(), BODY.replace("true", "1")],
    ["another id", { ...signed(), "webhook-id": ["msg_2"] }, BODY],
    ["another time", { ...signed(), "webhook-timestamp": [String(Math.floor(Date.now() / 1000) - 1)] }, BODY],
    ["a time that is none", { ...signed(), "webhook-timestamp": ["now"] }, BODY],
    ["another version", { ...signed(), "webhook-signature": [(signed()["webhook-signature"]?.[0] ?? "").replace("v1,", "v1a,")] }, BODY],
    ["a bare version", { ...signed(), "webhook-signature": ["v1"] }, BODY],
    ["an empty signature", { ...signed(), "webhook-signature": ["v1,"] }, BODY],
  ])("takes no answer with %s", (_name, headers, body) => {
    expect(() => createSigner([secret]).verify(headers, body)).toThrow("signature does not count");
  });

  it.each(["webhook-id", "webhook-timestamp", "webhook-signature"])("takes no answer where %s is missing, empty or there twice", (name) => {
    const { verify } = createSigner([secret]);
    const headers = signed();
    const value = headers[name]?.[0] ?? "";
    expect(() => verify({ ...headers, [name]: undefined }, BODY)).toThrow(`no ${name} header`);
    expect(() => verify({ ...headers, [name]: [""] }, BODY)).toThrow(`no ${name} header`);
    expect(() => verify({ ...headers, [name]: [value, value] }, BODY)).toThrow(`more than one ${name} header`);
  });

  it("takes none of 3,000 answers that were changed in one place, and never quotes a secret", () => {
    const { verify } = createSigner([secret]);
    const headers = signed();
    const places = fc.constantFrom("webhook-id", "webhook-signature", "body");
    fc.assert(
      fc.property(places, fc.nat(), fc.integer({ min: 1, max: 127 }), (place, position, flip) => {
        const text = place === "body" ? BODY : (headers[place]?.[0] ?? "");
        const index = position % text.length;
        const changed = text.slice(0, index) + String.fromCodePoint(text.charCodeAt(index) ^ flip) + text.slice(index + 1);
        const told = place === "body" ? catching(() => verify(headers, changed)) : catching(() => verify({ ...headers, [place]: [changed] }, BODY));
        expect(told).toMatch(/signature|signed/u);
        expect(told).not.toContain(secret.slice(6, 20));
      }),
      { numRuns: 3000 },
    );
  });

  it.each([undefined, "", "whsec_", "whsec_c2hvcnQ=", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", `whsec_${"A".repeat(33)}`, `whsec_${"*".repeat(32)}`, `whsec_${"A".repeat(100)}`])(
    "refuses the secret %s without quoting it",
    (wrong) => {
      // The point of the test is values that the types forbid.
      const told = catching(() => createSigner([wrong as string]));
      expect(told).toContain("webhookApproval: secret must be");
      if (wrong !== undefined && wrong.length > 6) expect(told).not.toContain(wrong.slice(6));
    },
  );
});

function catching(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return error instanceof Error ? error.message : "";
  }
  throw new Error("nothing was thrown");
}
