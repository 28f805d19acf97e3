import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { RequestStates, stateKey, type StateBinding } from "./request-state.ts";

const BINDING: StateBinding = { caller: { credential: "c", principal: "p", agent: "a", agentId: "i", user: "u" }, method: "tools/call", call: "d" };
const STATE = { kind: "held", id: "r1", round: 2 } as const;
const UNTIL = Date.UTC(2030, 0, 1);

describe("a sealed state", () => {
  it.each([
    ["credential", { ...BINDING, caller: { ...BINDING.caller, credential: "x" } }],
    ["principal", { ...BINDING, caller: { ...BINDING.caller, principal: "x" } }],
    ["agent", { ...BINDING, caller: { ...BINDING.caller, agent: "x" } }],
    ["agent's id", { ...BINDING, caller: { ...BINDING.caller, agentId: "x" } }],
    ["user", { ...BINDING, caller: { ...BINDING.caller, user: "x" } }],
    ["method", { ...BINDING, method: "prompts/get" }],
    ["call", { ...BINDING, call: "x" }],
    ["fields, joined otherwise", { ...BINDING, caller: { ...BINDING.caller, agent: "ai", agentId: "" } }],
  ])("opens under no other %s", (_what, other) => {
    const states = new RequestStates();
    const text = states.seal(STATE, BINDING, UNTIL);
    expect(states.open(text, other)).toMatchObject({ ok: false });
    expect(states.open(text, BINDING)).toEqual({ ok: true, state: STATE });
  });

  it("is another text each time, says nothing of what is inside, and is spent by its use alone", () => {
    const states = new RequestStates();
    const [one, other] = [states.seal(STATE, BINDING, UNTIL), states.seal(STATE, BINDING, UNTIL)];
    expect(one).not.toBe(other);
    expect(Buffer.from(one, "base64url").toString("latin1")).not.toContain("r1");
    expect([states.open(one, BINDING).ok, states.open(one, BINDING).ok, states.open(other, BINDING).ok]).toEqual([true, false, true]);
  });

  it("has one spelling", () => {
    const states = new RequestStates();
    const text = states.seal({ ...STATE, id: "r10" }, BINDING, UNTIL);
    for (const spelled of [`${text}=`, ` ${text}`, `${text}\n`, text.replace(/[-_]/, (one) => (one === "-" ? "+" : "/"))]) if (spelled !== text) expect(states.open(spelled, BINDING)).toMatchObject({ ok: false });
    expect(states.open(text, BINDING).ok).toBe(true);
  });

  it("of a gateway of this machine is good in another process of it: the key is kept, for this user alone", () => {
    const directory = mkdtempSync(join(tmpdir(), "countersign-states-"));
    try {
      const text = new RequestStates({ key: () => stateKey(directory) }).seal(STATE, BINDING, UNTIL);
      expect(new RequestStates({ key: () => stateKey(directory) }).open(text, BINDING).ok).toBe(true);
      expect(statSync(join(directory, "installation.key")).mode & 0o777).toBe(0o600);
      expect(new RequestStates().open(text, BINDING).ok).toBe(false);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
