import { describe, expect, it } from "vitest";
import { emailDomain } from "./email-domain.ts";
import { Fault } from "./fault.ts";

describe("emailDomain", () => {
  it.each([
    ["a@company.com", "company.com"],
    ["A.B+c@Company.COM", "company.com"],
    ["o'neil_x@mail.example.co.uk", "mail.example.co.uk"],
    ["root@localhost", "localhost"],
    ["a@x1.y2", "x1.y2"],
    ["a@bücher.example", "xn--bcher-kva.example"],
    ["a@xn--bcher-kva.example", "xn--bcher-kva.example"],
  ])("%j is of %j", (address, domain) => {
    expect(emailDomain(address)).toBe(domain);
  });

  it.each([
    "", "a", "@", "a@", "@company.com", "a@b@company.com", "a@company.com@evil.com", '"a@company.com"@evil.com', '"a"@company.com',
    "Ann <a@company.com>", "<a@company.com>", "a@company.com,b@evil.com", "a@company.com;b@evil.com", "a@company.com ", " a@company.com",
    "a@company.com\n", "a@company.com\0.evil.com", "a(x)@company.com", "a@company.com(x)", "a b@company.com", "a..b@company.com", ".a@company.com", "a.@company.com",
    "a@.company.com", "a@company..com", "a@company.com.", "a@-company.com", "a@company-.com", "a@company_x.com", "a@[10.0.0.1]", "a@10.0.0.1",
    "a@\uff43ompany.com", "a@company\u3002com", "a@com\u00adpany.com", "a@\u212aompany.com", "ä@company.com", "a%40company.com", "a@company.com%00", "a@company.com/x",
    `${"a".repeat(400)}@company.com`, `a@${"a".repeat(64)}.com`, `a@${"a.".repeat(140)}com`,
  ])("doubts %j", (address) => {
    expect(emailDomain(address)).toBeInstanceOf(Fault);
  });
});
