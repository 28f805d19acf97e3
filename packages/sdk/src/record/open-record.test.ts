import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fakeDecision } from "./fixture/fake-entries.ts";
import { readArgumentKey } from "./argument-key.ts";
import { MemorySink } from "./memory-sink.ts";
import { openRecord } from "./open-record.ts";
import type { OpenRecordOptions } from "./open-record.ts";
import { readRecord } from "./read-record.ts";
import { stateDirectory } from "./state-directory.ts";
import { verifyRecord, verifyRecordFile } from "./verify-record.ts";

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "countersign-open-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function open(options: Partial<OpenRecordOptions> = {}) {
  return openRecord({ env: { COUNTERSIGN_DIR: directory }, now: Date.now, onWarning: () => {}, ...options }).recorder;
}

function onlyFile(): string {
  const [file = "", ...more] = readdirSync(join(directory, "record")).filter((name) => name.endsWith(".jsonl"));
  expect(more).toEqual([]);
  return join(directory, "record", file);
}

async function readTexts(keyOf: (id: string) => ReturnType<typeof readArgumentKey>): Promise<(string | undefined)[]> {
  const texts: (string | undefined)[] = [];
  for await (const { argumentsText, body } of readRecord(onlyFile(), { keyOf })) if (body["type"] === "decision") texts.push(argumentsText);
  return texts;
}

describe("openRecord", () => {
  it("keeps a file below the state directory, whose arguments open with its key and are gone without it", async () => {
    const recorder = open();
    const wanted = Array.from({ length: 600 }, (_, n) => `{"n":${n}}`);
    for (const [n, argumentsText] of wanted.entries()) {
      await recorder.append(fakeDecision(n, { argumentsText }));
      if (n % 7 === 0) await recorder.flush();
    }
    const { argumentsText, ...without } = fakeDecision(600);
    await recorder.append(without);
    await recorder.close();
    expect(argumentsText).toBeDefined();
    expect(await readTexts((id) => readArgumentKey(directory, id))).toEqual([...wanted, undefined]);
    rmSync(join(directory, "keys"), { recursive: true });
    expect(new Set(await readTexts((id) => readArgumentKey(directory, id)))).toEqual(new Set([undefined]));
    expect((await verifyRecordFile(onlyFile(), { head: recorder.head() })).ok).toBe(true);
  });

  it('makes no key with arguments: "none", and no file with record: "memory"', async () => {
    await open({ record: "memory" }).close();
    expect(readdirSync(directory)).toEqual([]);
    await open({ arguments: "none" }).close();
    expect(readdirSync(directory)).toEqual(["record"]);
  });

  it("hands rows to a sink of the user's, with the key in the state directory", async () => {
    const sink = new MemorySink();
    const recorder = open({ record: sink });
    await recorder.append(fakeDecision(1));
    await recorder.close();
    expect(verifyRecord(sink.text(), { head: recorder.head() })).toMatchObject({ ok: true, closed: true, rows: 4 });
    expect(readdirSync(join(directory, "keys")).length).toBe(1);
  });

  it("throws at once where nothing could be recorded", () => {
    writeFileSync(join(directory, "file"), "");
    expect(() => open({ record: join(directory, "file") })).toThrow(/EEXIST|ENOTDIR/);
  });

  it("reading stops at a row that was tampered with", async () => {
    const recorder = open();
    await recorder.append(fakeDecision(1));
    await recorder.close();
    const path = onlyFile();
    writeFileSync(path, readFileSync(path, "utf8").replace("file-manager", "file-mangler"));
    await expect(readTexts(async () => undefined)).rejects.toThrow(/line 3: This row was changed/);
  });
});

describe("stateDirectory", () => {
  it("is COUNTERSIGN_DIR, else below an absolute XDG_STATE_HOME, else below the home directory; never the working directory", () => {
    expect(stateDirectory({ COUNTERSIGN_DIR: "/srv/cs", XDG_STATE_HOME: "/x", HOME: "/home/a" })).toBe("/srv/cs");
    expect(stateDirectory({ XDG_STATE_HOME: "/x", HOME: "/home/a" })).toBe("/x/countersign");
    expect(stateDirectory({ COUNTERSIGN_DIR: "", XDG_STATE_HOME: "relative", HOME: "/home/a" })).toBe("/home/a/.local/state/countersign");
  });
});
