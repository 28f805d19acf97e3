/** A story's surroundings in a test: a state directory and a place for scratch folders of its own, and what it left there. */
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readRecord, verifyRecordDirectory } from "@countersign/sdk";
import { onTestFinished } from "vitest";

export const EXAMPLES = join(import.meta.dirname, "..");

export interface StorySandbox {
  readonly env: Readonly<Record<string, string>>;
  /** Removed after the test. */
  readonly directory: string;
  /** What is left when the story has ended. */
  leavings(): Promise<StoryLeavings>;
}

export interface StoryLeavings {
  /** The scratch folder that the story made. */
  readonly folder: string;
  /** The rows of its record, in order, verified. */
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  readonly record: Awaited<ReturnType<typeof verifyRecordDirectory>>;
}

export function createSandbox(): StorySandbox {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), "countersign-story-")));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const scratch = join(directory, "tmp");
  const state = join(directory, "state");
  mkdirSync(scratch);
  return {
    // Offline: npx takes the server that is installed here, or fails.
    env: { ...outside(), COUNTERSIGN_DIR: state, TMPDIR: scratch, TZ: "UTC", LC_ALL: "C.UTF-8", npm_config_offline: "true" },
    directory,
    async leavings() {
      const [folder, ...others] = readdirSync(scratch).filter((name) => name.startsWith("countersign-"));
      if (folder === undefined || others.length > 0) throw new Error("the story did not make one scratch folder");
      // A story whose record is the control plane's leaves none here.
      mkdirSync(join(state, "record"), { recursive: true });
      const record = await verifyRecordDirectory(join(state, "record"));
      const rows: Readonly<Record<string, unknown>>[] = [];
      for (const { file } of record.files) for await (const { body } of readRecord(join(state, "record", file))) rows.push(body);
      return { folder: join(scratch, folder), rows, record };
    },
  };
}

/** Rows of one type, each reduced to the given keys. */
export function pick(rows: StoryLeavings["rows"], type: string, ...keys: readonly string[]): readonly Readonly<Record<string, unknown>>[] {
  return rows.filter((row) => row["type"] === type).map((row) => Object.fromEntries(keys.map((key) => [key, row[key]])));
}

/** Our own environment without what the test runner and the developer's settings put there. */
function outside(): Record<string, string> {
  const own = /^(VITEST|NODE_|TEST$|MODE$|PROD$|DEV$|BASE_URL$|SSR$|TINYPOOL|COUNTERSIGN_|OTEL_|SLACK_|WEBHOOK_|FORCE_COLOR$|NO_COLOR$|TMUX)/;
  return Object.fromEntries(Object.entries(process.env).flatMap(([key, value]) => (value === undefined || own.test(key) ? [] : [[key, value]])));
}
