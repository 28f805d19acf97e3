import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text as readAll } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { fakeDecision } from "./fixture/fake-entries.ts";
import { startRecordProcess } from "./fixture/record-process.ts";
import { openRecord } from "./open-record.ts";
import { verifyRecordDirectory } from "./verify-directory.ts";
import { verifyRecordFile } from "./verify-record.ts";

const made: string[] = [];

function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "countersign-crash-"));
  made.push(directory);
  return directory;
}

afterEach(() => {
  for (const directory of made.splice(0)) rmSync(directory, { recursive: true, force: true });
});

function recordFiles(directory: string): string[] {
  return readdirSync(join(directory, "record")).filter((file) => file.endsWith(".jsonl"));
}

/** Opens a record as the next process does, and gives it time to look at what is there. */
async function openAndLookBack(directory: string): Promise<string> {
  const before = new Set(recordFiles(directory));
  const { recorder } = openRecord({ record: directory, env: {}, now: Date.now, onWarning: () => {} });
  const [own = ""] = recordFiles(directory).filter((file) => !before.has(file));
  const start = performance.now();
  const unnamed = (): boolean => [...before].some((file) => !readdirSync(join(directory, "record")).includes(`${file}.named`));
  while (unnamed() && performance.now() - start < 9_000) await new Promise((resolve) => setTimeout(resolve, 10));
  await recorder.close();
  return readFileSync(join(directory, "record", own), "utf8");
}

interface EventRow {
  readonly event?: string;
  readonly detail?: { readonly file?: string; readonly seq?: number; readonly outcomeUnknownCalls?: readonly string[]; readonly torn?: boolean };
}

function eventsOf(text: string): EventRow[] {
  // Lines of a verified record.
  return text.split("\n").slice(0, -1).map((line) => JSON.parse(line) as EventRow);
}

describe("a process that is killed while it records", () => {
  it("loses no acknowledged commit, leaves a record that verifies, and the next process records the gap once", async () => {
    for (let round = 0; round < 5; round += 1) {
      const directory = temporaryDirectory();
      const child = startRecordProcess(directory, "until killed");
      const output = child.stdout === null ? "" : readAll(child.stdout);
      // The time counts from the first acknowledgement.
      if (child.stdout !== null) await once(child.stdout, "data");
      await new Promise((resolve) => setTimeout(resolve, 40 + round * 35));
      child.kill("SIGKILL");
      await once(child, "exit");
      const acknowledged = (await output).split("\n").filter((line) => line.startsWith("ack ")).map((line) => line.split(" "));
      const [, call = "", seq = "", hash = ""] = acknowledged.at(-1) ?? [];
      const [file = ""] = recordFiles(directory);
      const path = join(directory, "record", file);
      expect(await verifyRecordFile(path, { head: { seq: Number(seq), hash } })).toMatchObject({ ok: true, closed: false });
      const text = readFileSync(path, "utf8");
      for (const [, n] of acknowledged) expect(text).toContain(`"callId":"call-${n}","digest"`);

      const [gap, ...more] = eventsOf(await openAndLookBack(directory)).filter(({ event }) => event === "gap");
      expect(more).toEqual([]);
      expect(gap?.detail).toMatchObject({ reason: "process_ended", file, problem: null });
      expect(gap?.detail?.seq).toBeGreaterThanOrEqual(Number(seq));
      // Sent, or about to be, when the process died: the last acknowledged intent, or one whose acknowledgement died with it.
      const lastAnswered = [...text.matchAll(/"callId":"call-(\d{1,6})"[^\n]*"outcome"/g)].map(([, n]) => Number(n)).at(-1) ?? -1;
      for (const unknown of gap?.detail?.outcomeUnknownCalls ?? []) expect(Number(unknown.slice(5))).toBeGreaterThan(lastAnswered);
      if (lastAnswered < Number(call)) expect(gap?.detail?.outcomeUnknownCalls).toContain(`call-${call}`);
      expect(eventsOf(await openAndLookBack(directory)).filter(({ event }) => event === "gap")).toEqual([]);
      expect(await verifyRecordDirectory(join(directory, "record"))).toMatchObject({ ok: true, open: [] });
    }
  });

  it("cannot acknowledge before fdatasync: strace sees write, fdatasync, acknowledgement, in this order", async (context) => {
    if (spawnSync("strace", ["-V"]).status !== 0) {
      process.stdout.write("The strace test is skipped: there is no strace here.\n");
      return context.skip();
    }
    const directory = temporaryDirectory();
    const child = fileURLToPath(new URL("./fixture/record-process-child.ts", import.meta.url));
    const log = join(directory, "trace");
    const limited = ["-f", "-o", log, "-e", "trace=pwrite64,fdatasync,fsync,write", "-s", "100000"];
    const traced = spawn("strace", [...limited, process.execPath, "--experimental-strip-types", "--no-warnings", child, directory, "until killed"], { stdio: "ignore", detached: true });
    const ended = once(traced, "close");
    const acknowledged = (): number => (existsSync(log) ? readFileSync(log, "latin1").split('write(1, "ack ').length - 1 : 0);
    for (const start = performance.now(); acknowledged() < 10 && performance.now() - start < 9_000; ) await new Promise((resolve) => setTimeout(resolve, 50));
    process.kill(-(traced.pid ?? 0), "SIGKILL"); // with what it traces
    await ended;
    const steps = readFileSync(log, "utf8")
      .split("\n")
      .flatMap((line) => {
        if (/fdatasync.*= 0|fdatasync resumed.*= 0/.test(line)) return ["synced"];
        const [, call] = /write\(1, "ack (\d+) /.exec(line) ?? [];
        if (call !== undefined) return [`ack ${call}`];
        return [...line.matchAll(/requestId\\":\\"request-(\d+)/g)].map(([, n]) => `row ${n}`);
      });
    const acks = steps.filter((step) => step.startsWith("ack"));
    expect(acks.length).toBeGreaterThan(3);
    for (const ack of acks) {
      const written = steps.indexOf(ack.replace("ack", "row"));
      expect(written).toBeGreaterThanOrEqual(0);
      expect(steps.slice(written, steps.indexOf(ack))).toContain("synced");
    }
  });
});

describe("a process that ends by itself", () => {
  it.each(["return", "process.exit", "throw"] as const)("leaves every row and a closing row (%s)", async (how) => {
    const directory = temporaryDirectory();
    const child = startRecordProcess(directory, how);
    await once(child, "exit");
    const [file = ""] = recordFiles(directory);
    const path = join(directory, "record", file);
    expect(await verifyRecordFile(path)).toMatchObject({ ok: true, closed: true, torn: undefined });
    const text = readFileSync(path, "utf8");
    expect(text.match(/"type":"decision"/g)?.length).toBe(1_000);
    const events = eventsOf(await openAndLookBack(directory)).map(({ event }) => event);
    expect(events).toEqual(["record_opened", "record_linked", "record_closed"]);
  });
});

describe("arguments", () => {
  it("never stand in the clear in any file of the state directory, which nobody else can read", async () => {
    const directory = temporaryDirectory();
    const { recorder } = openRecord({ record: directory, env: {}, now: Date.now, onWarning: () => {} });
    for (let n = 0; n < 200; n += 1) {
      const argumentsText = JSON.stringify({ token: `CANARY-${n}`, nested: { deep: [`CANARY-${n}`] } });
      await recorder.append(fakeDecision(n, { argumentsText }));
    }
    await recorder.close();
    for (const spelling of ["CANARY", Buffer.from("CANARY-1").toString("base64").slice(0, 8), Buffer.from("CANARY").toString("hex")]) {
      expect(spawnSync("grep", ["-rlai", spelling, directory]).stdout.toString()).toBe("");
    }
    const modes = execFileSync("find", [directory, "-printf", "%y %m\n"]).toString().trim().split("\n");
    expect(new Set(modes)).toEqual(new Set(["d 700", "f 600"]));
    expect(modes.length).toBe(5);
  });
});
