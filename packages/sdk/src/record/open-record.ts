/** Opens the record that `init({ record })` names, and starts looking at what earlier processes left. Called by client.ts and server.ts. */
import { hostname } from "node:os";
import { basename, dirname } from "node:path";
import { createArgumentKey, createEphemeralKey } from "./argument-key.ts";
import { JsonlSink } from "./jsonl-sink.ts";
import { lookBack } from "./look-back.ts";
import { MemorySink } from "./memory-sink.ts";
import { recordFileName } from "./record-file-name.ts";
import { createRecorder } from "./recorder.ts";
import type { Recorder } from "./recorder.ts";
import type { RecorderOptions } from "./recorder-options.ts";
import type { RecordSink } from "./record-sink.ts";
import { stateDirectory } from "./state-directory.ts";

export interface OpenRecordOptions {
  /** "memory", a directory, or a sink. Default: the state directory. */
  readonly record?: "memory" | (string & {}) | RecordSink | undefined;
  /** Default "encrypted". */
  readonly arguments?: "encrypted" | "none" | undefined;
  /** Default true. */
  readonly required?: boolean | undefined;
  readonly env: NodeJS.ProcessEnv;
  readonly now: () => number;
  readonly onWarning: (message: string) => void;
}

export interface OpenedRecord {
  readonly recorder: Recorder;
  /** The file that this process writes; undefined where the record is no file of ours. */
  readonly path: string | undefined;
}

/**
 * A file record has its key in `keys/` beside `record/`. With a sink of the user's, the key file is in the state directory.
 * Throws where directory or file cannot be made, or are open to other users.
 */
export function openRecord(options: OpenRecordOptions): OpenedRecord {
  const { env, now, onWarning, record } = options;
  const shared = { arguments: options.arguments ?? "encrypted", required: options.required ?? true, now, onWarning } as const;
  const about = { host: hostname(), pid: process.pid };
  if (record === "memory") {
    return { recorder: createRecorder(new MemorySink(), { ...shared, key: createEphemeralKey("memory"), opened: about }), path: undefined };
  }
  if (typeof record === "object") {
    const key = shared.arguments === "none" ? undefined : createArgumentKey(stateDirectory(env), recordFileName(now(), process.pid));
    return { recorder: createRecorder(record, { ...shared, key, opened: about }), path: undefined };
  }
  return openFileRecord(record ?? stateDirectory(env), shared, about);
}

function openFileRecord(
  directory: string,
  shared: Pick<RecorderOptions, "arguments" | "required" | "now" | "onWarning">,
  about: { readonly host: string; readonly pid: number },
): OpenedRecord {
  const sink = new JsonlSink({ directory, startedAt: shared.now() });
  const file = basename(sink.path);
  const recorder = createRecorder(sink, {
    ...shared,
    key: shared.arguments === "none" ? undefined : createArgumentKey(directory, sink.name),
    opened: { ...about, file },
    background: (own, signal) =>
      lookBack({
        directory: dirname(sink.path),
        own: file,
        now: shared.now,
        commit: (entry) => own.commit(entry),
        onWarning: shared.onWarning,
        signal,
      }),
  });
  return { recorder, path: sink.path };
}
