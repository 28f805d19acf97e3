import { hash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { checkViewed } from "./check-viewed.ts";

const D = "d".repeat(64);
const bound = (content: string) => ({ arguments: { content }, argumentsText: JSON.stringify({ content }), context: {}, contextText: "{}" });
/** As the page of the contract says it, not by the code under test. */
const digestOf = (argumentsText: string): string => hash("sha256", `countersign/view/v1\0{"arguments":${argumentsText},"context":{},"request":"${D}"}`, "hex");
const vote = (viewedDigest: string | null, choice: "approve" | "deny" = "approve") => ({ choice, requestDigest: D, viewedDigest, reason: "", grant: null });

describe("R2: a yes is for what was shown in full", () => {
  const short = bound("x");
  const long = bound("x".repeat(5000));

  it("a call that fits a screen may be approved without a digest, a longer one may not", () => {
    expect(checkViewed(vote(null), short)).toBeUndefined();
    expect(checkViewed(vote(null), long)).toMatchObject({ ok: false, code: "not_viewed" });
    expect(checkViewed(vote(null, "deny"), long)).toBeUndefined();
  });

  it("the digest of the whole call opens it; that of another question, of a shortened view or of other arguments does not", () => {
    expect(checkViewed(vote(digestOf(long.argumentsText)), long)).toBeUndefined();
    expect(checkViewed({ ...vote(digestOf(long.argumentsText)), requestDigest: "e".repeat(64) }, long)).toMatchObject({ code: "not_viewed" });
    expect(checkViewed(vote(digestOf(bound("x".repeat(200)).argumentsText)), long)).toMatchObject({ code: "not_viewed" });
    expect(checkViewed(vote(D), short)).toMatchObject({ code: "not_viewed" });
  });

  it("what was erased cannot be seen, so it cannot be approved", () => {
    expect(checkViewed(vote(null), undefined)).toMatchObject({ code: "not_viewed" });
    expect(checkViewed(vote(null, "deny"), undefined)).toBeUndefined();
  });
});
