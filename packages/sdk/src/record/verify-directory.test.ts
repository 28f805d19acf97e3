import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { fakeDecision } from "./fixture/fake-entries.ts";
import { Chain } from "./chain.ts";
import { lookBack } from "./look-back.ts";
import { openRecord } from "./open-record.ts";
import { recordFileName } from "./record-file-name.ts";
import { verifyRecordDirectory } from "./verify-directory.ts";

let state = "";
let directory = "";
beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), "countersign-directory-"));
  directory = join(state, "record");
});
afterEach(() => rmSync(state, { recursive: true, force: true }));

function recordFiles(): string[] {
  return readdirSync(directory).filter((file) => file.endsWith(".jsonl")).toSorted();
}

/** Runs one record from opening to closing; waits until it has looked at those before it. */
async function runRecord(): Promise<void> {
  const { recorder } = openRecord({ record: state, env: {}, now: Date.now, onWarning: () => {} });
  for (let n = 0; n < 5; n += 1) await recorder.append(fakeDecision(n));
  const start = performance.now();
  const named = (): number => readdirSync(directory).filter((file) => file.endsWith(".named")).length;
  while (named() < recordFiles().length - 1 && performance.now() - start < 9_000) await new Promise((resolve) => setTimeout(resolve, 5));
  await recorder.close();
}

/** Three records, of which each later one names the one before. */
async function threeRecords(): Promise<[string, string, string]> {
  for (let run = 0; run < 3; run += 1) await runRecord();
  const [first = "", second = "", third = ""] = recordFiles();
  return [first, second, third];
}

describe("verifyRecordDirectory", () => {
  it("is content with records that each name the one before", async () => {
    await threeRecords();
    const { files, ok, open, problems } = await verifyRecordDirectory(directory);
    expect({ ok, open, problems, closed: files.map(({ closed }) => closed) }).toEqual({ ok: true, open: [], problems: [], closed: [true, true, true] });
  });

  it("finds a file that was deleted, unless it is older than what must be kept", async () => {
    const [first, second] = await threeRecords();
    rmSync(join(directory, first));
    expect((await verifyRecordDirectory(directory)).problems).toEqual([
      { code: "file_missing", file: first, line: 0, message: "A later record names this file, and it is not there." },
    ]);
    expect((await verifyRecordDirectory(directory, { since: second })).ok).toBe(true);
  });

  it("finds a file that was cut at a row, also without any head kept elsewhere", async () => {
    const [, second] = await threeRecords();
    const text = readFileSync(join(directory, second), "utf8");
    truncateSync(join(directory, second), text.lastIndexOf("\n", text.length - 2) + 1);
    expect((await verifyRecordDirectory(directory)).problems).toMatchObject([{ code: "head_missing", file: second }]);
  });

  it("finds one file in the place of another", async () => {
    const [first, second, third] = await threeRecords();
    renameSync(join(directory, first), join(directory, "kept"));
    renameSync(join(directory, second), join(directory, first));
    renameSync(join(directory, "kept"), join(directory, second));
    expect((await verifyRecordDirectory(directory)).problems.map(({ code, file }) => [code, file])).toEqual(
      expect.arrayContaining([
        ["file_renamed", first],
        ["file_renamed", second],
      ]),
    );
    expect(third).not.toBe("");
  });

  it("needs a head for the newest file, which nobody names yet", async () => {
    const [, , third] = await threeRecords();
    const text = readFileSync(join(directory, third), "utf8");
    truncateSync(join(directory, third), text.lastIndexOf("\n", text.length - 2) + 1);
    expect(await verifyRecordDirectory(directory)).toMatchObject({ ok: true, open: [third] });
    // A recorder's line.
    const { hash, seq } = JSON.parse(text.split("\n").at(-2) ?? "") as { hash: string; seq: number };
    expect((await verifyRecordDirectory(directory, { heads: new Map([[third, { seq, hash }]]) })).problems).toMatchObject([{ code: "head_missing", file: third }]);
  });
});

describe("looking back", () => {
  /** A file as a process of `host` leaves it that never came to close it. */
  function leaveFile(pid: number, startedAt: number, host: string, torn = ""): string {
    const file = `${recordFileName(startedAt, pid)}.jsonl`;
    const chain = new Chain(undefined, () => startedAt);
    const opened = { type: "event", event: "record_opened", at: startedAt, detail: { host, file } } as const;
    writeFileSync(join(directory, file), `${chain.link([{ entry: opened, outcome: undefined, seq: 0 }]).text}${torn}`);
    return file;
  }

  async function look(warnings: string[] = []): Promise<unknown[]> {
    const said: unknown[] = [];
    await lookBack({
      directory,
      own: "own.jsonl",
      now: Date.now,
      commit: async ({ detail, event }) => void said.push([event, detail["file"], detail["torn"], detail["problem"]]),
      onWarning: (message) => warnings.push(message),
      signal: new AbortController().signal,
    });
    return said;
  }

  it("names dead files once, says whether their tail was torn, and leaves those alone whose process may still write", async () => {
    await runRecord();
    const [closed = ""] = recordFiles();
    const now = Date.now();
    const dead = leaveFile(2 ** 22 + 1, now, hostname(), '{"at":17');
    leaveFile(process.ppid, now, hostname()); // runs
    leaveFile(process.pid, now, hostname()); // this very process
    const reused = leaveFile(process.pid, now - 3_600_000, hostname()); // an earlier process with our id, as in containers
    leaveFile(2 ** 22 + 1, now + 1, "another-host");
    expect(await look()).toEqual(
      expect.arrayContaining([
        ["record_linked", closed, undefined, undefined],
        ["gap", dead, true, null],
        ["gap", reused, false, null],
      ]),
    );
    expect(await look()).toEqual([]);
  });

  it("leaves another record of this very process alone, also where the machine has slept since", async () => {
    await runRecord();
    await look();
    leaveFile(process.pid, Date.now() - 2_100, hostname());
    vi.spyOn(process, "uptime").mockReturnValue(0.01);
    try {
      expect(await look()).toEqual([]);
    } finally {
      vi.restoreAllMocks();
    }
  });

  it("warns of an earlier file that was tampered with, and records it", async () => {
    await runRecord();
    const dead = leaveFile(2 ** 22 + 1, Date.now(), hostname());
    writeFileSync(join(directory, dead), readFileSync(join(directory, dead), "utf8").replace("record_opened", "record_opemed"));
    const warnings: string[] = [];
    expect(await look(warnings)).toContainEqual(["gap", dead, false, "wrong_hash"]);
    expect(warnings).toEqual([expect.stringMatching(/line 1: This row was changed/)]);
  });
});
