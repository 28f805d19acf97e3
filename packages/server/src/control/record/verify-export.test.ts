import { generateKeyPairSync } from "node:crypto";
import { canonicalJson, type JsonObject } from "@countersign/sdk/call";
import { EMPTY_HEAD, hashRow, rowBody, rowLine, type RecordEntry, type RecordHead } from "@countersign/sdk/record";
import { describe, expect, it } from "vitest";
import { keyIdOf, signCheckpoint, type CheckpointKey, type SignedCheckpoint } from "./checkpoint.ts";
import { checkpointLineOf, headerLine } from "./export-lines.ts";
import { verifyExport, type ExportVerification, type VerifyExportOptions } from "./verify-export.ts";

const LONG = process.env["COUNTERSIGN_LONG"] === "1";
const MANIPULATIONS = 10_000;
const CLEAN = 1_000;

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

const TENANT = "default";
const INSTALLATION = "inst-1";

function signer(): { readonly key: CheckpointKey; sign(seq: number, hash: string): SignedCheckpoint } {
  const pair = generateKeyPairSync("ed25519");
  const publicKey = pair.publicKey.export({ format: "der", type: "spki" }).toString("base64url");
  const key = { id: keyIdOf(publicKey), publicKey };
  return { key, sign: (seq, hash) => signCheckpoint({ tenant: TENANT, installation: INSTALLATION, seq, hash, at: 1_700_000_000_000 + seq, keyId: key.id }, pair.privateKey) };
}
const ours = signer();
const theirs = signer();

function link(entries: readonly RecordEntry[]): { lines: string[]; heads: RecordHead[] } {
  let head: RecordHead = EMPTY_HEAD;
  const lines: string[] = [];
  const heads: RecordHead[] = [];
  for (const entry of entries) {
    const body = rowBody(entry, head.seq + 1, head.hash);
    head = { seq: head.seq + 1, hash: hashRow(body) };
    lines.push(rowLine(body, head.hash));
    heads.push(head);
  }
  return { lines, heads };
}

function makeEntries(count: number, pick: (below: number) => number): RecordEntry[] {
  const entries: RecordEntry[] = [{ type: "event", event: "record_opened", at: 1, detail: {} }];
  for (let n = 1; n < count; n += 1) {
    const requestId = `request-${n}`;
    const kinds: readonly RecordEntry[] = [
      { type: "event", event: "vote_cast", at: n, detail: { requestId, personId: `p${pick(5)}`, choice: pick(2) === 0 ? "approve" : "deny", reason: "größer — 😀 \u0000" } },
      { type: "intent", at: n, callId: `call-${n}`, digest: "ab".repeat(32), requestId, approver: "jane@company.com" },
      { type: "outcome", at: n, callId: `call-${n}`, outcome: "completed", elapsedMs: 1.5, requestId },
    ];
    entries.push(...kinds.slice(pick(kinds.length)).slice(0, 1));
  }
  return entries;
}

interface Made {
  readonly lines: readonly string[];
  readonly kept: SignedCheckpoint;
  readonly rows: readonly string[];
}

/** An export with checkpoints in it, and the checkpoint of its last row, which was kept elsewhere. */
function makeExport(count: number, pick: (below: number) => number): Made {
  const { lines: rows, heads } = link(makeEntries(count, pick));
  const lines = [headerLine({ installation: INSTALLATION, tenant: TENANT, after: EMPTY_HEAD, rows: rows.length, keys: [ours.key] })];
  for (const [index, row] of rows.entries()) {
    lines.push(row);
    const head = heads[index];
    if (head !== undefined && (pick(6) === 0 || index === rows.length - 1)) lines.push(checkpointLineOf(ours.sign(head.seq, head.hash)));
  }
  const last = heads.at(-1) ?? EMPTY_HEAD;
  return { lines, rows, kept: ours.sign(last.seq, last.hash) };
}

/** Rows made anew from there on, signed with the intruder's own key and delivered with that key. */
function remake(rows: readonly string[], change: (bodies: JsonObject[]) => void): string[] {
  const bodies = rows.map((row) => {
    const { hash, ...body } = JSON.parse(row) as JsonObject; // a row of ours
    return typeof hash === "string" ? body : {};
  });
  change(bodies);
  let { seq, hash } = EMPTY_HEAD;
  const lines: string[] = [];
  for (const body of bodies) {
    seq += 1;
    const text = canonicalJson({ ...body, prev: hash, seq });
    hash = hashRow(text);
    lines.push(rowLine(text, hash));
  }
  return [headerLine({ installation: INSTALLATION, tenant: TENANT, after: EMPTY_HEAD, rows: lines.length, keys: [theirs.key] }), ...lines, checkpointLineOf(theirs.sign(seq, hash))];
}

type Manipulation = (made: Made, pick: (below: number) => number) => readonly string[];
const isRow = (line: string): boolean => line.includes('"hash"') && !line.startsWith('{"checkpoint"') && !line.startsWith('{"countersign"');
const pickRow = (lines: readonly string[], pick: (below: number) => number): number => {
  const rows = lines.flatMap((line, index) => (isRow(line) ? [index] : []));
  return rows[pick(rows.length)] ?? 1;
};

const KINDS: Readonly<Record<string, Manipulation>> = {
  "a character of a row changed": ({ lines }, pick) => {
    const at = pickRow(lines, pick);
    const line = lines[at] ?? "";
    const place = pick(line.length);
    return lines.with(at, line.slice(0, place) + String.fromCharCode(((line.charCodeAt(place) ^ (1 + pick(31))) & 0x7f) || 1) + line.slice(place + 1));
  },
  "a row removed": ({ lines }, pick) => lines.toSpliced(pickRow(lines, pick), 1),
  "a row repeated": ({ lines }, pick) => {
    const at = pickRow(lines, pick);
    return lines.toSpliced(at, 0, lines[at] ?? "");
  },
  "two rows swapped": ({ lines }, pick) => {
    const [one, other] = [pickRow(lines, pick), pickRow(lines, pick)];
    const a = lines[one] ?? "";
    const b = lines[other] ?? "";
    return one === other ? lines.toSpliced(one, 1) : lines.with(one, b).with(other, a);
  },
  "the tail cut": ({ lines }, pick) => lines.slice(0, 1 + pick(lines.length - 2)),
  "the tail cut and the header made to fit": ({ rows }, pick) => {
    const left = rows.slice(0, 1 + pick(rows.length - 1));
    return [headerLine({ installation: INSTALLATION, tenant: TENANT, after: EMPTY_HEAD, rows: left.length, keys: [ours.key] }), ...left];
  },
  "a row added at the end": ({ lines, rows }, pick) => {
    const { lines: more } = link(makeEntries(rows.length + 2, pick));
    return [...lines, more.at(-1) ?? ""];
  },
  "a value changed and its hash made anew": ({ lines }, pick) => {
    const at = pickRow(lines, pick);
    const { hash, ...body } = JSON.parse(lines[at] ?? "") as JsonObject; // a row of ours
    const text = canonicalJson({ ...body, at: 77_777 + Number(hash === undefined) });
    return lines.with(at, rowLine(text, hashRow(text)));
  },
  "a value changed and everything made and signed anew": ({ rows }, pick) => remake(rows, (bodies) => void (bodies[pick(bodies.length)] = { ...bodies[pick(bodies.length)], at: 88_888 })),
  "a row dropped and everything made and signed anew": ({ rows }, pick) => remake(rows, (bodies) => void bodies.splice(1 + pick(bodies.length - 1), 1)),
  "the signature of a checkpoint changed": ({ lines }, pick) => {
    const at = lines.findIndex((line) => line.startsWith('{"checkpoint"'));
    const line = lines[at] ?? "";
    const place = line.indexOf('"signature":"') + 13 + pick(40);
    return lines.with(at, line.slice(0, place) + (line[place] === "A" ? "B" : "A") + line.slice(place + 1));
  },
  "a checkpoint moved to another row": ({ lines }, pick) => {
    const at = lines.findLastIndex((line) => line.startsWith('{"checkpoint"'));
    return lines.toSpliced(at, 1).toSpliced(2 + pick(Math.max(1, at - 4)), 0, lines[at] ?? "");
  },
  "the header removed": ({ lines }) => lines.slice(1),
  "the header of another installation": ({ lines }) => lines.with(0, (lines[0] ?? "").replace(INSTALLATION, "inst-2")),
};

function verify(lines: readonly string[], options: VerifyExportOptions): Promise<ExportVerification> {
  return verifyExport(
    lines.map((line) => Buffer.from(line, "utf8")),
    options,
  );
}

describe("R27: the off-line verifier of exports", () => {
  it(`finds ${MANIPULATIONS} of ${MANIPULATIONS} random manipulations, with the public key and a checkpoint kept elsewhere`, async () => {
    const pick = random(27);
    const names = Object.keys(KINDS);
    const missed: string[] = [];
    for (let n = 0; n < MANIPULATIONS; ) {
      const made = makeExport(8 + pick(16), pick);
      const name = names[n % names.length] ?? "";
      const lines = KINDS[name]?.(made, pick) ?? [];
      if (lines.join("\n") === made.lines.join("\n")) continue; // nothing was changed
      n += 1;
      const { ok } = await verify(lines, { keys: [ours.key], checkpoints: [made.kept] });
      if (ok) missed.push(`${n}: ${name}`);
    }
    expect(missed).toEqual([]);
  });

  it(`gives no false alarm on ${CLEAN} clean exports`, async () => {
    const pick = random(28);
    for (let n = 0; n < CLEAN; n += 1) {
      const made = makeExport(1 + pick(LONG ? 300 : 30), pick);
      const result = await verify(made.lines, { keys: [ours.key], checkpoints: [made.kept] });
      expect(result.problems).toEqual([]);
      expect(result.proved).toMatchObject({ seq: made.kept.seq, trusted: true });
    }
  });

  it("says what it could not prove where nothing from elsewhere is given", async () => {
    const made = makeExport(10, random(3));
    const own = await verify(made.lines, {});
    expect(own).toMatchObject({ ok: true, proved: { trusted: false, keyId: ours.key.id } });
    const remade = remake(made.rows, (bodies) => void bodies.splice(3, 1));
    expect(await verify(remade, {})).toMatchObject({ ok: true, proved: { trusted: false, keyId: theirs.key.id } });
    expect(await verify(remade, { keys: [ours.key] })).toMatchObject({ ok: false, problems: [{ code: "unknown_key" }] });
    expect(await verify(remade, { checkpoints: [made.kept] })).toMatchObject({ ok: false });
  });

  it("verifies a part of a record from the row it follows", async () => {
    const { lines: rows, heads } = link(makeEntries(20, random(4)));
    const after = heads[9] ?? EMPTY_HEAD;
    const part = [headerLine({ installation: INSTALLATION, tenant: TENANT, after, rows: 10, keys: [] }), ...rows.slice(10)];
    expect(await verify(part, {})).toMatchObject({ ok: true, rows: 10, head: { seq: 20 } });
    expect(await verify(part.toSpliced(1, 1), {})).toMatchObject({ ok: false });
  });

  it("that begins after every checkpoint kept elsewhere is proved by none of them, and does not pass for it", async () => {
    const { lines: rows, heads } = link(makeEntries(20, random(5)));
    const [tenth = EMPTY_HEAD, fifteenth = EMPTY_HEAD] = [heads[9], heads[14]];
    const kept = [ours.sign(tenth.seq, tenth.hash)];
    const from = (after: RecordHead, lines: readonly string[]) => [headerLine({ installation: INSTALLATION, tenant: TENANT, after, rows: lines.length, keys: [ours.key] }), ...lines];
    expect(await verify(from(tenth, rows.slice(10)), { checkpoints: kept })).toMatchObject({ ok: true, proved: { seq: 10 } });
    expect(await verify(from(fifteenth, rows.slice(15)), { checkpoints: [...kept, ours.sign(20, heads[19]?.hash ?? "")] })).toMatchObject({ ok: true, proved: { seq: 20 } });
    // Another history, which only says that it goes on where the kept one stood.
    const forged = link(makeEntries(30, random(6)));
    const place = forged.heads[14] ?? EMPTY_HEAD;
    expect(await verify(from(place, forged.lines.slice(15)), { keys: [ours.key], checkpoints: kept })).toMatchObject({ ok: false, problems: [{ code: "checkpoint_before_start" }] });
    expect(await verify(from({ seq: 1000, hash: "ab".repeat(32) }, []), { keys: [ours.key], checkpoints: kept })).toMatchObject({ ok: false, problems: [{ code: "checkpoint_before_start" }] });
    expect(await verify(from({ ...tenth, hash: "ab".repeat(32) }, []), { keys: [ours.key], checkpoints: kept })).toMatchObject({ ok: false, problems: [{ code: "checkpoint_differs" }] });
  });

  it("takes no file that is none", async () => {
    for (const text of ["", "{}", "[]", "null", "\u0000", '{"countersign":"export/v2"}']) {
      expect(await verify(text === "" ? [] : [text], {})).toMatchObject({ ok: false, problems: [{ code: "not_an_export" }] });
    }
  });
});
