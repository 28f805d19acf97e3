import { expect, it } from "vitest";
import type { DecisionEntry, OutcomeEntry, RecordEntry } from "../record/entry.ts";
import { fakeDecision } from "../record/fixture/fake-entries.ts";
import { MemorySink } from "../record/memory-sink.ts";
import { createRecorder } from "../record/recorder.ts";
import { shipRecord } from "./shipped-record.ts";

it("what agents and servers call themselves is shipped as far as the contract takes it; the record here has all of it", async () => {
  const sink = new MemorySink();
  const recorder = createRecorder(sink, { arguments: "none", required: true, now: Date.now, onWarning: () => undefined });
  const shipped: RecordEntry[] = [];
  const record = shipRecord(recorder, { shipper: { offer: (entry) => void shipped.push(entry) }, isRow: () => false, withArguments: false });
  const long = "\u{1f600}".repeat(20_000);
  const finding = { type: "t", group: "g", direction: "input", where: `/${long}`, count: 1 } as const;
  const decision: DecisionEntry = { ...fakeDecision(1), agent: long, session: long, reason: long, findings: [finding, ...Array.from({ length: 10_000 }, () => ({ ...finding, where: "/a" }))] };
  const queued = await record.append(decision);
  const outcome: OutcomeEntry = { type: "outcome", callId: decision.callId, at: 1, outcome: "completed", elapsedMs: 1, findings: [finding] };
  record.complete(queued, outcome);
  await recorder.close();
  const [told, ended] = shipped;
  if (told?.type !== "decision" || ended?.type !== "outcome") throw new Error("they were not shipped");
  for (const name of [told.principal, told.agent, told.user, told.session]) expect(name.length <= 2_100 && name.isWellFormed()).toBe(true);
  expect([told.reason.length, told.findings.length, told.findings[0]?.where.length, ended.findings?.[0]?.where.length]).toEqual([16_384, 10_000, 4_096, 4_096]);
  expect(sink.text()).toContain(long);
});

it("what is short enough is shipped as it is", async () => {
  const recorder = createRecorder(new MemorySink(), { arguments: "none", required: true, now: Date.now, onWarning: () => undefined });
  const shipped: RecordEntry[] = [];
  const record = shipRecord(recorder, { shipper: { offer: (entry) => void shipped.push(entry) }, isRow: () => false, withArguments: true });
  const decision = fakeDecision(1);
  await record.append(decision);
  await recorder.close();
  expect(shipped).toEqual([decision]);
});
