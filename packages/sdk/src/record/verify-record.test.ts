import { beforeAll, describe, expect, it } from "vitest";
import { fakeApproval, fakeDecision, fakeIntent, fakeOutcome } from "./fixture/fake-entries.ts";
import { canonicalJson } from "../call/canonical-json.ts";
import type { JsonObject } from "../call/json.ts";
import { createEphemeralKey } from "./argument-key.ts";
import { MemorySink } from "./memory-sink.ts";
import { createRecorder } from "./recorder.ts";
import { EMPTY_HEAD, hashRow, rowBody, rowLine } from "./row.ts";
import type { RecordEntry } from "./entry.ts";
import type { RecordHead } from "./row.ts";
import { verifyRecord } from "./verify-record.ts";
import type { Verification } from "./verify-record.ts";

/** mulberry32: the same numbers in every run. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

async function makeRecord(calls: number, pick: (below: number) => number, closed = true): Promise<{ text: string; head: RecordHead }> {
  const sink = new MemorySink();
  const recorder = createRecorder(sink, {
    arguments: pick(4) === 0 ? "none" : "encrypted",
    key: createEphemeralKey("k"),
    required: true,
    now: () => 1_700_000_000_000,
    onWarning: () => {},
    flushRows: 1 + pick(8),
  });
  for (let n = 0; n < calls; n += 1) {
    const queued = await recorder.append(fakeDecision(n, { reason: pick(3) === 0 ? "größer — 😀 \u0000" : "plain", tool: "t".repeat(pick(20)) }));
    if (pick(2) === 0) await recorder.append(fakeApproval(n));
    if (pick(3) === 0) await recorder.commit(fakeIntent(n));
    recorder.complete(queued, fakeOutcome(n));
  }
  await (closed ? recorder.close() : recorder.flush());
  const record = { text: sink.text(), head: recorder.head() };
  await recorder.close();
  return record;
}

/** Any finding counts, a torn last row too: these records have none. */
function isNoticed({ ok, torn }: Verification): boolean {
  return !ok || torn !== undefined;
}

/** Makes a chain of bodies anew: what an intruder does who knows how hashes are made. */
function chain(bodies: readonly JsonObject[]): string {
  let { hash, seq } = EMPTY_HEAD;
  const lines = bodies.map((body) => {
    seq += 1;
    const text = canonicalJson({ ...body, prev: hash, seq });
    hash = hashRow(text);
    return `${rowLine(text, hash)}\n`;
  });
  return lines.join("");
}

function bodiesOf(lines: readonly string[]): JsonObject[] {
  return lines.map((line) => {
    // These lines were made by a recorder.
    const { hash, ...body } = JSON.parse(line) as JsonObject;
    return typeof hash === "string" ? body : {};
  });
}

type Manipulation = (lines: string[], pick: (below: number) => number) => string | Buffer;

const MANIPULATIONS: Record<string, Manipulation> = {
  "a byte changed": (lines, pick) => {
    const bytes = Buffer.from(`${lines.join("\n")}\n`);
    const at = pick(bytes.length);
    bytes[at] = (bytes[at] ?? 0) ^ (1 + pick(255));
    return bytes;
  },
  "bytes deleted": (lines, pick) => {
    const bytes = Buffer.from(`${lines.join("\n")}\n`);
    const at = pick(bytes.length);
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + pick(300))]);
  },
  "a byte inserted": (lines, pick) => {
    const bytes = Buffer.from(`${lines.join("\n")}\n`);
    const at = pick(bytes.length + 1);
    return Buffer.concat([bytes.subarray(0, at), Buffer.of(pick(256)), bytes.subarray(at)]);
  },
  "a row deleted": (lines, pick) => {
    lines.splice(pick(lines.length), 1 + pick(3));
    return lines.map((line) => `${line}\n`).join("");
  },
  "a row repeated": (lines, pick) => {
    lines.splice(pick(lines.length + 1), 0, lines[pick(lines.length)] ?? "");
    return `${lines.join("\n")}\n`;
  },
  "rows swapped": (lines, pick) => {
    const one = pick(lines.length);
    const other = (one + 1 + pick(lines.length - 1)) % lines.length;
    [lines[one], lines[other]] = [lines[other] ?? "", lines[one] ?? ""];
    return `${lines.join("\n")}\n`;
  },
  "the tail cut at a row": (lines, pick) => lines.slice(0, pick(lines.length)).map((line) => `${line}\n`).join(""),
  "the tail cut at a byte": (lines, pick) => {
    const bytes = Buffer.from(`${lines.join("\n")}\n`);
    return bytes.subarray(0, pick(bytes.length));
  },
  "a key twice": (lines, pick) => {
    const at = pick(lines.length);
    lines[at] = (lines[at] ?? "").replace("{", '{"at":1,');
    return `${lines.join("\n")}\n`;
  },
  "keys in another order": (lines, pick) => {
    const at = pick(lines.length);
    const { hash, ...body } = JSON.parse(lines[at] ?? "") as JsonObject; // a recorder's line
    lines[at] = JSON.stringify({ ...Object.fromEntries(Object.entries(body).toReversed()), hash });
    return `${lines.join("\n")}\n`;
  },
  "something after the end": (lines, pick) => `${lines.join("\n")}\n${["\n", " ", "{}", "x\n", '{"at":1', "\0", "\r\n"][pick(7)]}`,
  "a value changed and its row's hash made anew": (lines, pick) => {
    const at = pick(lines.length);
    const [body] = bodiesOf([lines[at] ?? ""]);
    const text = canonicalJson({ ...body, at: 5 });
    lines[at] = rowLine(text, hashRow(text));
    return `${lines.join("\n")}\n`;
  },
  "a value changed and all hashes from there made anew": (lines, pick) => {
    const bodies = bodiesOf(lines);
    const at = pick(bodies.length);
    bodies[at] = { ...bodies[at], at: 5 };
    return chain(bodies);
  },
  "a row dropped and the whole record made anew": (lines, pick) => {
    const bodies = bodiesOf(lines);
    bodies.splice(1 + pick(bodies.length - 1), 1);
    return chain(bodies);
  },
};

/** 14 kinds: 10,010 in all. */
const TRIALS_PER_KIND = 715;

describe("the verifier, when it knows the head, finds 10,000 of 10,000 random manipulations", () => {
  const records: { text: string; head: RecordHead }[] = [];
  beforeAll(async () => {
    const pick = random(20_260_131);
    while (records.length < 40) records.push(await makeRecord(2 + pick(5), pick));
  });

  it.each(Object.entries(MANIPULATIONS))("%s", (name, manipulate) => {
    const pick = random(name.length);
    let missed = 0;
    for (let trial = 0; trial < TRIALS_PER_KIND; ) {
      const { head, text } = records[pick(records.length)] ?? { head: EMPTY_HEAD, text: "" };
      const changed = manipulate(text.split("\n").slice(0, -1), pick);
      if (Buffer.from(text).equals(Buffer.from(changed))) continue; // a byte was put in beside its like
      trial += 1;
      if (!isNoticed(verifyRecord(changed, { head }))) missed += 1;
    }
    expect(missed).toBe(0);
  });

  it("has that many trials", () => {
    expect(Object.keys(MANIPULATIONS).length * TRIALS_PER_KIND).toBeGreaterThanOrEqual(10_000);
  });
});

describe("the verifier", () => {
  it("needs no head for anything but a cut at a row and hashes made anew up to the last row", async () => {
    const pick = random(7);
    const { text } = await makeRecord(12, pick);
    const needHead = new Set([
      "the tail cut at a row",
      "a value changed and its row's hash made anew", // the last row has nothing after it
      "a value changed and all hashes from there made anew",
      "a row dropped and the whole record made anew",
    ]);
    for (const [name, manipulate] of Object.entries(MANIPULATIONS)) {
      if (needHead.has(name)) continue;
      const changed = Array.from({ length: 100 }, () => manipulate(text.split("\n").slice(0, -1), pick)).filter((copy) => !Buffer.from(text).equals(Buffer.from(copy)));
      const whole = changed.filter((copy) => !isNoticed(verifyRecord(copy)) && !text.startsWith(copy.toString()));
      expect(whole.length, name).toBe(0);
    }
    // What is left over when a head is not known: the record simply ends earlier, or was made anew from row 1.
    expect(verifyRecord(text.slice(0, text.indexOf("\n") + 1))).toMatchObject({ ok: true, rows: 1, closed: false });
  });

  it("raises no alarm for 1,000 clean records, closed or cut by a crash inside any row", async () => {
    const pick = random(99);
    const alarms: unknown[] = [];
    for (let trial = 0; trial < 1_000; trial += 1) {
      const { head, text } = await makeRecord(1 + pick(6), pick, trial % 2 === 0);
      const whole = verifyRecord(text, { head });
      if (!whole.ok || whole.torn !== undefined || whole.closed !== (trial % 2 === 0)) alarms.push(whole);
      const bytes = Buffer.from(text);
      const torn = verifyRecord(bytes.subarray(0, 1 + pick(bytes.length - 1)));
      if (!torn.ok) alarms.push(torn);
    }
    expect(alarms).toEqual([]);
  }, 10_000);

  it("names the line and what is wrong with it", async () => {
    const { head, text } = await makeRecord(6, random(1));
    const lines = text.split("\n");
    const edited = verifyRecord(text.replace("file-manager", "file-mangler"), { head });
    expect(edited.problems).toEqual([
      { code: "wrong_hash", file: "", line: 2 + Number(lines[1]?.includes("sealed")), message: "This row was changed after it was written: its hash does not fit it." },
    ]);
    expect(verifyRecord(lines.toSpliced(3, 1).join("\n")).problems[0]).toMatchObject({ code: "wrong_sequence", line: 4, message: expect.stringContaining("Row 4 is expected here and row 5 found") });
    expect(verifyRecord(`${text}x\n`).problems[0]).toMatchObject({ code: "after_closing_row", line: lines.length });
    expect(verifyRecord(`${lines[0]}\nxyz`).problems[0]).toMatchObject({ code: "trailing_garbage", line: 2 });
    expect(verifyRecord(lines.slice(1).join("\n")).problems[0]).toMatchObject({ code: "wrong_sequence", line: 1 });
    expect(verifyRecord(`${lines.slice(0, 4).join("\n")}\n`, { head }).problems[0]).toMatchObject({ code: "head_missing", message: expect.stringContaining("ends at row 4") });
    expect(verifyRecord("", { head }).problems[0]?.code).toBe("head_missing");
    expect(verifyRecord(chain([{ ...bodiesOf([lines[0] ?? ""])[0], at: 1 }]), { head: { seq: 1, hash: "00" } }).problems[0]?.code).toBe("head_differs");
  });

  it("refuses a second key, another key order, a second hash and other spellings also where every hash was made anew", () => {
    const body = rowBody({ type: "event", event: "record_opened", at: 1, detail: {} }, 1, EMPTY_HEAD.hash);
    const spellings = [
      body.replace('"at":1', '"at":1,"at":1'),
      body.replace('"at":1', '"at":1.0'),
      `${body.replace('"at":1,', "").slice(0, -1)},"at":1}`,
      body.replace('"at":1', '"at": 1'),
      body.replace("record_opened", "record\\u005fopened"),
      canonicalJson({ ...(JSON.parse(body) as JsonObject), hash: "00" }), // one of ours
    ];
    expect(verifyRecord(`${rowLine(body, hashRow(body))}\n`).ok).toBe(true);
    for (const text of spellings) {
      expect(text).not.toBe(body);
      expect(verifyRecord(`${rowLine(text, hashRow(text))}\n`).problems[0]?.code, text).toBe("not_canonical");
    }
    expect(verifyRecord(`${rowLine(body.replace('"v":1', '"v":2'), hashRow(body.replace('"v":1', '"v":2')))}\n`).problems[0]?.code).toBe("unknown_version");
    const other: RecordEntry = fakeIntent(1);
    const headless = rowBody(other, 1, EMPTY_HEAD.hash);
    expect(verifyRecord(`${rowLine(headless, hashRow(headless))}\n`).problems[0]?.code).toBe("not_opened");
  });

  it("tells bytes apart that a lenient decoder would read as the same text", () => {
    const body = rowBody({ type: "event", event: "record_opened", at: 1, detail: { note: "\ufffd" } }, 1, EMPTY_HEAD.hash);
    const bytes = Buffer.from(`${rowLine(body, hashRow(body))}\n`);
    const at = bytes.indexOf(Buffer.from("\ufffd"));
    expect(verifyRecord(bytes).ok).toBe(true);
    const changed = Buffer.concat([bytes.subarray(0, at), Buffer.of(0xff), bytes.subarray(at + 3)]);
    expect(verifyRecord(changed).problems[0]?.code).toBe("not_a_row");
    expect(verifyRecord(Buffer.concat([Buffer.from("\ufeff"), bytes])).problems[0]?.code).toBe("not_a_row");
  });

  it("checks a part of a record from a known row on", async () => {
    const { head, text } = await makeRecord(6, random(3));
    const lines = text.split("\n");
    const { hash } = JSON.parse(lines[4] ?? "") as { hash: string }; // a recorder's line
    const rest = lines.slice(5).join("\n");
    expect(verifyRecord(rest, { after: { seq: 5, hash }, head })).toMatchObject({ ok: true, rows: head.seq - 5 });
    expect(verifyRecord(rest, { after: { seq: 5, hash: EMPTY_HEAD.hash } }).problems[0]?.code).toBe("broken_chain");
    expect(verifyRecord(rest, { after: { seq: 5, hash }, head: { seq: 2, hash } }).problems[0]?.code).toBe("head_missing");
  });
});
