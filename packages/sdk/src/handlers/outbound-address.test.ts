import type { LookupAddress } from "node:dns";
import type { LookupFunction } from "node:net";
import { describe, expect, it } from "vitest";
import { addressKind, AddressRefusedError, assertLiteralAllowed, guardedLookup } from "./outbound-address.ts";
import type { AddressKind } from "./outbound-address.ts";

const PUBLIC_ONLY = new Set<AddressKind>(["public"]);

describe("addressKind", () => {
  it.each([
    ["8.8.8.8", "public"],
    ["172.15.255.255", "public"],
    ["172.32.0.0", "public"],
    ["100.63.255.255", "public"],
    ["100.128.0.0", "public"],
    ["192.0.1.1", "public"],
    ["223.255.255.255", "public"],
    ["2606:4700:4700::1111", "public"],
    ["2a00:1450:4001:830::200e", "public"],
    ["127.0.0.1", "loopback"],
    ["127.255.255.254", "loopback"],
    ["::1", "loopback"],
    ["0:0:0:0:0:0:0:1", "loopback"],
    ["10.0.0.0", "private"],
    ["10.255.255.255", "private"],
    ["172.16.0.1", "private"],
    ["172.31.255.255", "private"],
    ["192.168.1.1", "private"],
    ["100.64.0.1", "private"],
    ["fd12:3456::1", "private"],
    ["fc00::1", "private"],
    ["0.0.0.0", "reserved"],
    ["169.254.169.254", "reserved"],
    ["169.254.170.2", "reserved"],
    ["100.100.100.200", "reserved"],
    ["168.63.129.16", "reserved"],
    ["192.0.0.192", "reserved"],
    ["198.18.0.1", "reserved"],
    ["203.0.113.9", "reserved"],
    ["224.0.0.1", "reserved"],
    ["240.0.0.1", "reserved"],
    ["255.255.255.255", "reserved"],
    ["::", "reserved"],
    ["fe80::1", "reserved"],
    ["fe80::1%eth0", "reserved"],
    ["fec0::1", "reserved"],
    ["ff02::1", "reserved"],
    ["fd00:ec2::254", "reserved"],
    ["::ffff:127.0.0.1", "reserved"],
    ["::ffff:8.8.8.8", "reserved"],
    ["0:0:0:0:0:ffff:7f00:1", "reserved"],
    ["::127.0.0.1", "reserved"],
    ["64:ff9b::7f00:1", "reserved"],
    ["64:ff9b:1::a00:1", "reserved"],
    ["2002:7f00:1::", "reserved"],
    ["2001::1", "reserved"],
    ["2001:db8::1", "reserved"],
    ["4000::1", "reserved"],
    ["localhost", "reserved"],
    ["", "reserved"],
    ["127.1", "reserved"],
  ])("says of %s that it is %s", (address, kind) => {
    expect(addressKind(address)).toBe(kind);
  });
});

/** Every way to spell one IPv4 address in a URL that the URL parser or a resolver takes. */
function spellings(address: string): readonly string[] {
  const [a = 0, b = 0, c = 0, d = 0] = address.split(".").map(Number);
  const whole = ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
  const hex = (part: number): string => part.toString(16);
  const octal = (part: number): string => `0${part.toString(8)}`;
  const wide = (text: string): string => text.replace(/\d/gu, (digit) => String.fromCodePoint(0xff10 + Number(digit)));
  const groups = `${hex((a << 8) | b)}:${hex((c << 8) | d)}`;
  return [
    address, `${address}.`, String(whole), `0x${hex(whole)}`, octal(whole), [a, b, c, d].map((part) => `0x${hex(part)}`).join("."),
    [a, b, c, d].map(octal).join("."), `${a}.${b}.${(c << 8) | d}`, `${a}.${((b << 16) | (c << 8) | d) >>> 0}`, wide(address),
    address.replaceAll(".", "\u3002"), address.replaceAll(".", "%2e"), `[::ffff:${address}]`, `[::ffff:${groups}]`, `[0:0:0:0:0:ffff:${groups}]`,
    `[::${address}]`, `[64:ff9b::${groups}]`, `[64:ff9b::${address}]`, `[2002:${groups}::1]`,
  ];
}

describe("assertLiteralAllowed", () => {
  const denied = ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255", "198.18.0.1"];
  const urls = denied.flatMap(spellings).map((host) => `https://${host}/hook`);

  it("has more than 120 spellings of inner addresses to refuse", () => {
    expect(new Set(urls).size).toBeGreaterThan(120);
  });

  it.each(urls)("refuses %s", (spelled) => {
    const { hostname } = new URL(spelled);
    expect(() => assertLiteralAllowed(hostname, PUBLIC_ONLY)).toThrow(AddressRefusedError);
  });

  it("lets public addresses pass, and names, which are judged when they are resolved", () => {
    for (const host of ["8.8.8.8", "[2606:4700:4700::1111]", "approvals.example.com"]) expect(() => assertLiteralAllowed(host, PUBLIC_ONLY)).not.toThrow();
  });
});

type Resolved = { readonly address?: string | LookupAddress[]; readonly family?: number; readonly error?: Error | null };

function resolveWith(found: LookupAddress[] | string | NodeJS.ErrnoException, all: boolean): Promise<Resolved> {
  const resolver: LookupFunction = (_host, _options, callback) => {
    if (found instanceof Error) callback(found, "");
    else if (typeof found === "string") callback(null, found, 4);
    else callback(null, found);
  };
  return new Promise((done) => {
    guardedLookup(PUBLIC_ONLY, resolver)("approver.example", { all }, (error, address, family) => {
      done({ error, address, ...(family === undefined ? {} : { family }) });
    });
  });
}

const at = (...addresses: string[]): LookupAddress[] => addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));

describe("guardedLookup", () => {
  it("hands out public addresses in both forms that Node asks for", async () => {
    expect(await resolveWith(at("8.8.8.8", "2606:4700::1"), true)).toEqual({ error: null, address: at("8.8.8.8", "2606:4700::1") });
    expect(await resolveWith(at("8.8.8.8", "2606:4700::1"), false)).toEqual({ error: null, address: "8.8.8.8", family: 4 });
  });

  it.each([[at("10.0.0.5")], [at("8.8.8.8", "127.0.0.1")], [at("::1", "8.8.8.8")], [at("fe80::1")], ["192.168.1.1"]])("refuses a name that resolves to %j", async (found) => {
    const { error } = await resolveWith(found, true);
    expect(error).toBeInstanceOf(AddressRefusedError);
  });

  it("passes on that a name does not resolve, and takes no address for an error", async () => {
    const notFound = Object.assign(new Error("getaddrinfo ENOTFOUND"), { code: "ENOTFOUND" });
    expect((await resolveWith(notFound, true)).error).toBe(notFound);
    expect((await resolveWith([], true)).error?.message).toContain("has no address");
  });
});
