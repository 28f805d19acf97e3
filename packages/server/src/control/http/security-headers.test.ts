import { describe, expect, it } from "vitest";
import { securityHeaders } from "./security-headers.ts";

describe("R20: headers of our pages", () => {
  it("scripts and styles come from here alone, none inline, nothing frames us, forms go nowhere else", () => {
    const policy = securityHeaders("page", true)["content-security-policy"] ?? "";
    const directives = new Map(policy.split("; ").map((one) => [one.split(" ")[0], one.split(" ").slice(1).join(" ")]));
    expect(directives.get("default-src")).toBe("'none'");
    for (const name of ["script-src", "style-src", "connect-src", "form-action"]) expect(directives.get(name)).toBe("'self'");
    expect(directives.get("frame-ancestors")).toBe("'none'");
    expect(directives.get("base-uri")).toBe("'none'");
    expect(policy).not.toMatch(/unsafe|\*|https?:|blob:/);
  });

  it("only an answer over https asks for https from then on", () => {
    expect(securityHeaders("api", true)["strict-transport-security"]).toBe("max-age=31536000; includeSubDomains");
    expect(securityHeaders("api", false)["strict-transport-security"]).toBeUndefined();
  });
});
