import { afterEach, describe, expect, it } from "vitest";
import { diskError, FaultySink } from "./fixture/faulty-sink.ts";
import { fakeDecision, fakeIntent, fakeOutcome } from "./fixture/fake-entries.ts";
import { createEphemeralKey } from "./argument-key.ts";
import { RecordUnavailableError } from "./entry.ts";
import type { Queued } from "./entry.ts";
import { MemorySink } from "./memory-sink.ts";
import { createRecorder } from "./recorder.ts";
import type { Recorder } from "./recorder.ts";
import type { RecorderOptions } from "./recorder-options.ts";
import type { RecordSink } from "./record-sink.ts";
import { verifyRecord } from "./verify-record.ts";

const open: Recorder[] = [];
let warnings: string[] = [];

function record(sink: RecordSink, options: Partial<RecorderOptions> = {}): Recorder {
  const recorder = createRecorder(sink, {
    arguments: "none",
    required: true,
    now: () => 1_700_000_000_000,
    onWarning: (message) => warnings.push(message),
    retryMs: 10,
    ...options,
  });
  open.push(recorder);
  return recorder;
}

afterEach(async () => {
  await Promise.allSettled(open.splice(0).map((recorder) => recorder.close()));
  warnings = [];
  expect(process.listeners("exit").filter(({ name }) => name.includes("atExit"))).toEqual([]);
});

interface Row {
  readonly seq: number;
  readonly type: string;
  readonly callId?: string;
  readonly event?: string;
  readonly detail?: Record<string, unknown>;
  readonly outcome?: unknown;
}

function rowsOf(text: string): Row[] {
  expect(verifyRecord(text).problems).toEqual([]);
  // The verifier has checked that every line is a row.
  return text.split("\n").slice(0, -1).map((line) => JSON.parse(line) as Row);
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** The entry that append accepted at once. */
function atOnce(result: Queued | Promise<Queued>): Queued {
  expect(result).not.toBeInstanceOf(Promise);
  return result as Queued; // just checked
}

describe("append", () => {
  it("accepts at once, and the row is in the sink within 50 ms or 256 rows, without anybody asking", async () => {
    const sink = new FaultySink();
    const recorder = record(sink);
    atOnce(recorder.append(fakeDecision(1)));
    expect(sink.log).toEqual([]);
    const start = performance.now();
    while (!sink.text().includes("call-1") && performance.now() - start < 2_000) await sleep(5);
    expect(performance.now() - start).toBeLessThan(1_000);
    expect(sink.log).toEqual(["write", "written", "sync", "synced"]);
    for (let n = 0; n < 256; n += 1) atOnce(recorder.append(fakeDecision(n)));
    await sleep(0);
    await sleep(0);
    expect(sink.log.slice(4, 5)).toEqual(["write"]);
  });

  it("waits for room in a full queue, and then refuses; nothing is dropped", async () => {
    const sink = new FaultySink();
    const hang = Promise.withResolvers<void>();
    sink.hang = hang.promise;
    const recorder = record(sink, { maxQueued: 5, waitMs: 60, flushMs: 1 });
    await sleep(20); // the opening row is under way
    for (let n = 1; n <= 5; n += 1) atOnce(recorder.append(fakeDecision(n)));
    await expect(recorder.append(fakeDecision(6))).rejects.toThrow(RecordUnavailableError);
    await expect(recorder.append(fakeDecision(6))).rejects.toThrow("full for 60 ms");
    const waiting = recorder.append(fakeDecision(7));
    expect(waiting).toBeInstanceOf(Promise);
    hang.resolve();
    await waiting;
    await recorder.flush();
    expect(rowsOf(sink.text()).flatMap(({ callId }) => callId ?? [])).toEqual([1, 2, 3, 4, 5, 7].map((n) => `call-${n}`));
    expect(warnings).toEqual([]);
  });

  it("counts long arguments as a full queue, and still lets one that is longer than the limit through an empty one", async () => {
    const sink = new FaultySink();
    const recorder = record(sink, { maxQueuedLength: 100, waitMs: 20, flushMs: 1_000 });
    atOnce(recorder.append(fakeDecision(1, { argumentsText: "x".repeat(500) })));
    await expect(recorder.append(fakeDecision(2))).rejects.toThrow(RecordUnavailableError);
    atOnce(recorder.append(fakeOutcome(1)));
    await recorder.flush();
    atOnce(recorder.append(fakeDecision(3)));
  });
});

describe("complete", () => {
  it("adds the outcome to the decision's row while that is not made, else makes a row of its own", async () => {
    const sink = new FaultySink();
    const recorder = record(sink);
    const first = atOnce(recorder.append(fakeDecision(1)));
    recorder.complete(first, fakeOutcome(1));
    const second = atOnce(recorder.append(fakeDecision(2)));
    await recorder.flush();
    recorder.complete(second, fakeOutcome(2, { outcome: "failed", isError: true }));
    recorder.complete(second, fakeOutcome(2));
    await recorder.flush();
    const rows = rowsOf(sink.text());
    expect(rows.map(({ type }) => type)).toEqual(["event", "decision", "decision", "outcome", "outcome"]);
    expect(rows[1]?.outcome).toEqual({ at: fakeOutcome(1).at, elapsedMs: 12.5, isError: false, outcome: "completed" });
    expect(rows[2]?.outcome).toBeUndefined();
    expect(rows[3]).toMatchObject({ callId: "call-2", outcome: "failed", isError: true });
  });

  it("takes an outcome when the queue is full, the sink is broken or the record closed, and never throws", async () => {
    const sink = new FaultySink();
    sink.writeFault = diskError("EIO");
    const recorder = record(sink, { maxQueued: 2, flushMs: 1 });
    const first = atOnce(recorder.append(fakeDecision(1)));
    await expect(recorder.flush()).rejects.toThrow(RecordUnavailableError);
    for (let n = 0; n < 10; n += 1) recorder.complete(first, fakeOutcome(1));
    sink.writeFault = undefined;
    await recorder.flush();
    expect(rowsOf(sink.text()).filter(({ type }) => type === "outcome").length).toBe(10);
    await recorder.close();
    recorder.complete(first, fakeOutcome(1));
    expect(warnings.at(-1)).toMatch(/call-1 is missing/);
  });
});

describe("commit", () => {
  it("resolves only after the sync that follows the write of its row and of all before it", async () => {
    const sink = new FaultySink();
    const hang = Promise.withResolvers<void>();
    sink.syncHang = hang.promise;
    const recorder = record(sink);
    void recorder.append(fakeDecision(1));
    let committed = false;
    const commit = (async () => {
      await recorder.commit(fakeIntent(1));
      committed = true;
      expect(rowsOf(sink.durableText).map(({ type }) => type)).toEqual(["event", "decision", "intent"]);
      expect(recorder.head().seq).toBe(3);
    })();
    await sleep(30);
    expect([sink.log, committed, recorder.head().seq]).toEqual([["write", "written", "sync"], false, 0]);
    hang.resolve();
    await commit;
    expect(committed).toBe(true);
  });

  it("shares one sync between commits that are made together", async () => {
    const sink = new FaultySink();
    const recorder = record(sink);
    await Promise.all(Array.from({ length: 50 }, (_, n) => recorder.commit(fakeIntent(n))));
    expect(sink.log.filter((step) => step === "sync").length).toBe(1);
    const hang = Promise.withResolvers<void>();
    sink.syncHang = hang.promise;
    const first = recorder.commit(fakeIntent(100));
    await sleep(5);
    const later = Array.from({ length: 50 }, (_, n) => recorder.commit(fakeIntent(200 + n)));
    hang.resolve();
    await Promise.all([first, ...later]);
    expect(sink.log.filter((step) => step === "sync").length).toBe(3);
  });

  it.each(["ENOSPC", "EIO", "EROFS"] as const)("rejects while the disk says %s, required or not, 200 times of 200, and works again afterwards", async (code) => {
    for (const required of [true, false]) {
      const sink = new FaultySink();
      const recorder = record(sink, { required });
      await recorder.commit(fakeIntent(0));
      sink.writeFault = diskError(code);
      for (let n = 1; n <= 100; n += 1) {
        await expect(recorder.commit(fakeIntent(n))).rejects.toThrow(RecordUnavailableError);
      }
      expect(warnings.filter((warning) => warning.includes(code)).length).toBe(required ? 1 : 2);
      sink.writeFault = undefined;
      await recorder.flush();
      await recorder.commit(fakeIntent(1_000));
      const rows = rowsOf(sink.durableText);
      const intents = rows.filter(({ type }) => type === "intent").map(({ callId }) => callId);
      const withdrawn = rows.filter(({ event }) => event === "intent_withdrawn").map(({ detail }) => detail?.["callId"]);
      // An intent that was refused to the caller must not look like a call that was sent.
      expect(intents.filter((callId) => !withdrawn.includes(callId))).toEqual(["call-0", "call-1000"]);
    }
  });

  it("rejects when a sync fails, and writes all of it again, since a failed sync loses pages that look clean", async () => {
    const sink = new FaultySink();
    const recorder = record(sink);
    sink.syncFault = diskError("EIO");
    void recorder.append(fakeDecision(1));
    await expect(recorder.commit(fakeIntent(1))).rejects.toThrow(/EIO/);
    expect([recorder.head().seq, sink.text()]).toEqual([0, ""]);
    sink.syncFault = undefined;
    await recorder.flush();
    expect(rowsOf(sink.durableText).map(({ event, type }) => event ?? type)).toEqual(["record_opened", "decision", "intent", "intent_withdrawn"]);
  });

  it("rejects when the disk hangs, with the event loop free, and heals when it answers", async () => {
    const sink = new FaultySink();
    const hang = Promise.withResolvers<void>();
    sink.hang = hang.promise;
    const recorder = record(sink, { stallMs: 80, maxQueued: 3, waitMs: 50 });
    let ticks = 0;
    const ticker = setInterval(() => (ticks += 1), 5);
    await expect(recorder.commit(fakeIntent(1))).rejects.toThrow("not answered for 80 ms");
    await expect(recorder.commit(fakeIntent(2))).rejects.toThrow("not answered for 80 ms");
    await expect(recorder.append(fakeDecision(2))).rejects.toThrow("not answered for 80 ms");
    await expect(recorder.flush()).rejects.toThrow("not answered for 80 ms");
    clearInterval(ticker);
    expect(ticks).toBeGreaterThan(5);
    hang.resolve();
    sink.hang = undefined;
    await sleep(20);
    await recorder.commit(fakeIntent(3));
    const rows = rowsOf(sink.durableText);
    expect(rows.map(({ callId, event, detail }) => event ?? callId ?? detail)).toEqual(["record_opened", "call-1", "intent_withdrawn", "call-3"]);
    expect(warnings).toEqual([expect.stringMatching(/not answered/), "The record can be written again; nothing is missing."]);
  });
});

describe("a broken disk", () => {
  it("makes append reject where the record is required, and loses no row that was accepted before", async () => {
    const sink = new FaultySink();
    sink.writeFault = diskError("ENOSPC");
    const recorder = record(sink);
    for (let n = 0; n < 1_000; n += 1) atOnce(recorder.append(fakeDecision(n)));
    await expect(recorder.flush()).rejects.toThrow("ENOSPC: no space left on device");
    await expect(recorder.append(fakeDecision(2_000))).rejects.toThrow(RecordUnavailableError);
    sink.writeFault = undefined;
    await sleep(40); // retried without anybody asking
    atOnce(recorder.append(fakeDecision(1_000)));
    await recorder.flush();
    expect(rowsOf(sink.text()).flatMap(({ callId }) => callId ?? [])).toEqual(Array.from({ length: 1_001 }, (_, n) => `call-${n}`));
  });

  it("where the record is not required: queues up to the limit, counts the rest loudly, and says in a gap row what is missing", async () => {
    const sink = new FaultySink();
    sink.writeFault = diskError("ENOSPC");
    const recorder = record(sink, { required: false, maxQueued: 10 });
    await expect(recorder.flush()).rejects.toThrow(RecordUnavailableError);
    const queued = Array.from({ length: 25 }, (_, n) => atOnce(recorder.append(fakeDecision(n))));
    for (const [n, item] of queued.entries()) recorder.complete(item, fakeOutcome(n));
    expect(warnings).toEqual([expect.stringMatching(/ENOSPC.*tried again/), expect.stringMatching(/left out/)]);
    sink.writeFault = undefined;
    await recorder.flush();
    await recorder.flush();
    const rows = rowsOf(sink.text());
    expect(rows.flatMap(({ callId }) => callId ?? [])).toEqual(Array.from({ length: 10 }, (_, n) => `call-${n}`));
    expect(rows.at(-1)).toMatchObject({ event: "gap", detail: { reason: "record_unavailable", leftOut: 30 } });
    expect(warnings.at(-1)).toBe("The record can be written again; 30 entries are missing from it.");
  });

  it("is not made worse by a warning that throws", async () => {
    const sink = new FaultySink();
    sink.writeFault = diskError("EIO");
    const recorder = record(sink, {
      onWarning: () => {
        throw new Error("logger broke");
      },
    });
    await expect(recorder.commit(fakeIntent(1))).rejects.toThrow(RecordUnavailableError);
  });
});

describe("close and flushSync", () => {
  it("close writes what is left and a closing row, once; later calls are refused", async () => {
    const sink = new FaultySink();
    const recorder = record(sink);
    void recorder.append(fakeDecision(1));
    await Promise.all([recorder.close(), recorder.close()]);
    expect(rowsOf(sink.durableText).map(({ event, type }) => event ?? type)).toEqual(["record_opened", "decision", "record_closed"]);
    expect(verifyRecord(sink.text(), { head: recorder.head() })).toMatchObject({ ok: true, closed: true });
    await expect(recorder.append(fakeDecision(2))).rejects.toThrow("The record is closed");
    await expect(recorder.commit(fakeIntent(2))).rejects.toThrow(RecordUnavailableError);
    expect(sink.log.filter((step) => step === "close").length).toBe(1);
  });

  it("close ends, and says so, when the disk is full or hangs", async () => {
    const full = new FaultySink();
    full.writeFault = diskError("ENOSPC");
    await expect(record(full).close()).rejects.toThrow("ENOSPC");
    const hanging = new FaultySink();
    hanging.hang = new Promise(() => {});
    const recorder = record(hanging, { stallMs: 30 });
    await expect(recorder.flush()).rejects.toThrow("not answered");
    await expect(recorder.close()).rejects.toThrow("not answered");
  });

  it("flushSync takes the place of a write under way and doubles no row", async () => {
    const sink = new MemorySink();
    const recorder = record(sink);
    void recorder.append(fakeDecision(1));
    const flushed = recorder.flush();
    await Promise.resolve(); // the write is under way
    void recorder.append(fakeDecision(2));
    recorder.flushSync();
    expect(rowsOf(sink.text()).map(({ seq }) => seq)).toEqual([1, 2, 3]);
    await flushed;
    await recorder.commit(fakeIntent(3));
    expect(rowsOf(sink.text()).flatMap(({ callId }) => callId ?? [])).toEqual(["call-1", "call-2", "call-3"]);
  });
});

describe("the record's arguments", () => {
  it("need a key where they are encrypted, and are left out where they are not wanted", async () => {
    expect(() => createRecorder(new MemorySink(), { arguments: "encrypted", required: true, now: Date.now, onWarning: () => {} })).toThrow(TypeError);
    for (const mode of ["none", "encrypted"] as const) {
      const sink = new MemorySink();
      const recorder = record(sink, { arguments: mode, key: createEphemeralKey("k") });
      void recorder.append(fakeDecision(1, { argumentsText: '{"secret":"CANARY-7f3a"}' }));
      await recorder.close();
      expect(sink.text()).not.toContain("CANARY");
      expect(sink.text().includes('"sealed"')).toBe(mode === "encrypted");
    }
  });
});
