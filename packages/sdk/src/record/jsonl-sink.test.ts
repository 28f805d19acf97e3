import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { fakeDecision, fakeIntent } from "./fixture/fake-entries.ts";
import { recordSinkContract } from "../testing/record-sink-contract.ts";
import { createEphemeralKey } from "./argument-key.ts";
import { JsonlSink } from "./jsonl-sink.ts";
import { parseRecordFileName, recordFileName } from "./record-file-name.ts";
import { createRecorder } from "./recorder.ts";
import { verifyRecordFile } from "./verify-record.ts";

const made: string[] = [];

function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "countersign-record-"));
  made.push(directory);
  return directory;
}

afterEach(() => {
  for (const directory of made.splice(0)) rmSync(directory, { recursive: true, force: true });
});

const STARTED_AT = Date.UTC(2026, 0, 31, 23, 59, 59, 999);

recordSinkContract(
  "JSONL file",
  async () => {
    const sink = new JsonlSink({ directory: temporaryDirectory(), startedAt: STARTED_AT });
    return { sink, readText: () => readFile(sink.path, "utf8") };
  },
  { describe, expect, it },
);

describe("the record file", () => {
  it("is named after start and process, is 0600 in a directory 0700, and two of one moment do not share one", async () => {
    const directory = join(temporaryDirectory(), "not", "there", "yet");
    const sinks = [1, 2].map(() => new JsonlSink({ directory, startedAt: STARTED_AT }));
    expect(readdirSync(join(directory, "record"))).toEqual([`20260131T235959999Z-${process.pid}.jsonl`, `20260201T000000000Z-${process.pid}.jsonl`]);
    expect(sinks.map(({ path }) => statSync(path).mode & 0o777)).toEqual([0o600, 0o600]);
    expect([directory, join(directory, "record")].map((path) => statSync(path).mode & 0o777)).toEqual([0o700, 0o700]);
    await Promise.all(sinks.map((sink) => sink.close()));
  });

  it("is refused in a directory that others may write to", () => {
    const directory = temporaryDirectory();
    for (const mode of [0o770, 0o707, 0o777]) {
      chmodSync(directory, mode);
      expect(() => new JsonlSink({ directory, startedAt: STARTED_AT })).toThrow(/writable by other users.*chmod go-w/);
    }
    chmodSync(directory, 0o755);
    mkdirSync(join(directory, "record"));
    chmodSync(join(directory, "record"), 0o777);
    expect(() => new JsonlSink({ directory, startedAt: STARTED_AT })).toThrow(/writable by other users/);
  });

  it("has a name that can be read back", () => {
    expect(parseRecordFileName(`${recordFileName(STARTED_AT, 4711)}.jsonl`)).toEqual({ name: "20260131T235959999Z-4711", startedAt: STARTED_AT, pid: 4711 });
    for (const other of ["20260131T235959999Z-4711.jsonl.named", "20269931T235959999Z-1.jsonl", "notes.txt", "x20260131T235959999Z-1.jsonl"]) {
      expect(parseRecordFileName(other)).toBeUndefined();
    }
  });
});

describe("a disk that is really full", () => {
  const mount = mkdtempSync(join(tmpdir(), "countersign-full-"));
  const mounted = process.platform === "linux" && spawnSync("mount", ["-t", "tmpfs", "-o", "size=64k,mode=0700", "tmpfs", mount]).status === 0;
  if (mounted) spawnSync("umount", [mount]);
  rmSync(mount, { recursive: true, force: true });
  if (!mounted) process.stdout.write("The full-disk test is skipped: this user may not mount a tmpfs.\n");

  it.runIf(mounted)("refuses what it cannot keep, keeps what it acknowledged, and goes on when there is room, without a trace", async () => {
    mkdirSync(mount, { recursive: true });
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k,mode=0700", "tmpfs", mount]);
    try {
      writeFileSync(join(mount, "ballast"), "x".repeat(20_000));
      const sink = new JsonlSink({ directory: mount, startedAt: STARTED_AT });
      const recorder = createRecorder(sink, {
        arguments: "encrypted",
        key: createEphemeralKey("full"),
        required: true,
        now: Date.now,
        onWarning: () => {},
        retryMs: 10,
      });
      const acknowledged: number[] = [];
      let refusal: unknown;
      for (let n = 0; n < 500 && refusal === undefined; n += 1) {
        try {
          await recorder.append(fakeDecision(n));
          await recorder.commit(fakeIntent(n));
          acknowledged.push(n);
        } catch (cause) {
          refusal = cause;
        }
      }
      expect(String(refusal)).toContain("ENOSPC");
      expect(acknowledged.length).toBeGreaterThan(5);
      rmSync(join(mount, "ballast"));
      await recorder.flush();
      await recorder.commit(fakeIntent(9_999));
      await recorder.close();
      expect(await verifyRecordFile(sink.path, { head: recorder.head() })).toMatchObject({ ok: true, closed: true, torn: undefined });
      const text = readFileSync(sink.path, "utf8");
      for (const n of [...acknowledged, 9_999]) expect(text).toContain(`"callId":"call-${n}"`);
    } finally {
      execFileSync("umount", [mount]);
      rmSync(mount, { recursive: true, force: true });
    }
  });
});
