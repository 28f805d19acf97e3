import { describe, expect, it } from "vitest";
import type { InspectPort } from "../inspection/inspect.ts";
import type { Inspection } from "../inspection/inspection.ts";
import { objectPolicies } from "../policy/policy-source.ts";
import { openPolicyStore } from "../policy/policy-store.ts";
import { fakeCall } from "../testing/fake-call.ts";
import { inspectInputs } from "./inspect-inputs.ts";

const LOOKS: Inspection = {
  name: "names",
  inspectCall: ({ arguments: inputs, argumentsText }) => (argumentsText === JSON.stringify(inputs) && argumentsText.includes("Ann") ? [{ type: "name", group: "pii", direction: "input", where: "/who" }] : []),
  redactCall: () => ({ who: "[name]" }),
};
const ports = (action: "warn" | "redact" | "block", ...inspections: readonly Inspection[]) => ({
  inspect: { inspections } satisfies InspectPort,
  policies: openPolicyStore(objectPolicies({ version: 1, policies: [], inspection: { pii: { input: { name: action } } } }), () => undefined),
});

describe("what a client adds to a call that is under way", () => {
  const inputs = { who: "Ann" };

  it("goes on as it is where nothing looks, or nothing is found, or it is only warned about", async () => {
    for (const at of [ports("block"), ports("warn", LOOKS)]) expect(await inspectInputs(fakeCall(), inputs, at)).toMatchObject({ ok: true, inputs });
    expect((await inspectInputs(fakeCall(), { who: "Bob" }, ports("block", LOOKS))).ok).toBe(true);
  });

  it("goes on redacted where the document says so, and not at all where it blocks", async () => {
    expect(await inspectInputs(fakeCall(), inputs, ports("redact", LOOKS))).toMatchObject({ ok: true, inputs: { who: "[name]" }, findings: [{ type: "name" }] });
    expect(await inspectInputs(fakeCall(), inputs, ports("block", LOOKS))).toMatchObject({ ok: false, findings: [{ type: "name" }] });
  });

  it("does not go on where an inspection fails, or finds what cannot be redacted", async () => {
    const fails: Inspection = { name: "fails", inspectCall: () => Promise.reject(new Error("broken on purpose")) };
    const { redactCall: _, ...cannot } = LOOKS;
    expect(await inspectInputs(fakeCall(), inputs, ports("warn", fails))).toEqual({ ok: false, findings: [] });
    expect((await inspectInputs(fakeCall(), inputs, ports("redact", cannot))).ok).toBe(false);
  });
});
