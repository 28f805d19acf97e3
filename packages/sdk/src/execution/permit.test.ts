import { describe, expect, it } from "vitest";
import { bindCall } from "../call/bind-call.ts";
import { fakeCall } from "../testing/fake-call.ts";
import { mintPermit, spendPermit, type Permit } from "./permit.ts";

const ALLOWED = { kind: "allowed", policies: [] } as const;

/** What code without types may pass. */
const forged = (value: unknown): Permit => value as Permit;

describe("a permit", () => {
  it("is spent on its call, and tells why the call may run", () => {
    const call = fakeCall();
    const permit = mintPermit({ kind: "claimed", requestId: "r-1" }, call);
    expect(permit.basis).toEqual({ kind: "claimed", requestId: "r-1" });
    expect(() => spendPermit(permit, call)).not.toThrow();
  });

  it("is spent once", () => {
    const call = fakeCall();
    const permit = mintPermit(ALLOWED, call);
    spendPermit(permit, call);
    expect(() => spendPermit(permit, call)).toThrow("this permit was spent before; one decision releases one call");
  });

  it("is not spent by an attempt on another call", () => {
    const call = fakeCall();
    const permit = mintPermit(ALLOWED, call);
    expect(() => spendPermit(permit, fakeCall({ tool: "rm" }))).toThrow("this permit is for another call");
    expect(() => spendPermit(permit, call)).not.toThrow();
  });

  it("does not fit a call that only carries the same digest", () => {
    const call = fakeCall();
    for (const other of [{ ...call, arguments: { path: "/etc/passwd" } }, { ...call }, bindCall(call, call.definition)]) {
      expect(other.digest).toBe(call.digest);
      expect(() => spendPermit(mintPermit(ALLOWED, call), other)).toThrow("this permit is for another call");
    }
  });

  it.each([
    ["a plain object", { basis: ALLOWED }],
    ["an object with its prototype", Object.create(Object.getPrototypeOf(mintPermit(ALLOWED, fakeCall())) as object)],
    ["a copy", Object.assign({}, mintPermit(ALLOWED, fakeCall()))],
    ["a Proxy around one", new Proxy(mintPermit(ALLOWED, fakeCall()), {})],
    ["null", null],
    ["undefined", undefined],
    ["true", true],
    ["text", "permit"],
    ["a function", () => true],
  ])("cannot be forged: %s is not one", (_what, value) => {
    expect(() => spendPermit(forged(value), fakeCall())).toThrow(new TypeError("not a permit"));
  });

  it("cannot be cloned", () => {
    const call = fakeCall();
    expect(() => spendPermit(forged(structuredClone(mintPermit(ALLOWED, call))), call)).toThrow("not a permit");
  });

  it("does not hand out the means to make more", () => {
    const permit = mintPermit(ALLOWED, fakeCall());
    const make: unknown = Reflect.get(permit, "constructor");
    expect(make).toBeTypeOf("function");
    for (const mint of [undefined, Symbol("mint"), ALLOWED]) {
      expect(() => Reflect.construct(make as new (...args: unknown[]) => unknown, [mint, ALLOWED, fakeCall()])).toThrow("permits are made in guard.ts, from a decision");
    }
  });
});
