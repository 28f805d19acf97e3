import { describe, expect, it } from "vitest";
import { principalOfKey, readControlPlaneOptions } from "./control-plane-options.ts";

const apiKey = `csk_abc_${"A1-_".repeat(10)}xyz`;
const read = (url: string, more: object = {}) => readControlPlaneOptions({ url, apiKey, ...more }, {});

describe("init({ controlPlane })", () => {
  it("the environment names one; the option comes before it, and null says none", () => {
    const env = { COUNTERSIGN_URL: "https://env.example.com", COUNTERSIGN_API_KEY: apiKey };
    expect(readControlPlaneOptions(undefined, env)?.base.origin).toBe("https://env.example.com");
    expect(readControlPlaneOptions({ url: "https://own.example.com", apiKey }, env)?.base.origin).toBe("https://own.example.com");
    expect(readControlPlaneOptions(null, env)).toBeUndefined();
    expect(readControlPlaneOptions(undefined, {})).toBeUndefined();
    expect(() => readControlPlaneOptions(undefined, { COUNTERSIGN_URL: "https://env.example.com" })).toThrow(/COUNTERSIGN_API_KEY/);
  });

  it.each(["http://127.0.0.1:7433", "http://localhost:7433", "http://[::1]:7433", "https://countersign.example.com/below/"])("%s is an address", (url) => {
    expect(read(url)?.insecure).toBe(false);
  });

  it.each(["http://countersign.example.com", "http://10.0.0.1:7433", "http://127.0.0.1.example.com", "http://localhost.example.com"])("%s would send the key in the clear: refused, unless it is said", (url) => {
    expect(() => read(url)).toThrow(/in the clear.*https:/);
    expect(read(url, { allowInsecure: true })?.insecure).toBe(true);
  });

  it.each(["", "countersign", "ftp://x", "https://user:secret-word@x", "https://x/?a=1", "https://x/#a"])("%j is none", (url) => {
    expect(() => read(url)).toThrow(TypeError);
    expect(() => read(url)).not.toThrow(/secret-word/);
  });

  it("options that are not right are TypeErrors", () => {
    expect(() => read("https://x", { apiKey: "" })).toThrow(/apiKey/);
    expect(() => read("https://x", { maxStalenessMs: 0 })).toThrow(/maxStalenessMs/);
    expect(() => read("https://x", { allowInsecure: "yes" })).toThrow(/allowInsecure/);
  });

  it("a key tells whose it is", () => {
    expect(principalOfKey(apiKey)).toBe("key:abc");
    expect(principalOfKey(`csk_a_b_${"_".repeat(43)}`)).toBe("key:a_b");
    expect(principalOfKey("another")).toBeUndefined();
  });
});
