/** `<start>-<pid>`, such as `20260131T235959999Z-4711`: sorts by start. The file is `<name>.jsonl`, its key `<name>.key`. */
export function recordFileName(startedAt: number, pid: number): string {
  return `${new Date(startedAt).toISOString().replaceAll(/[-:.]/g, "")}-${pid}`;
}

const NAME = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})Z-(\d+)\.jsonl$/;

export interface RecordFileName {
  readonly name: string;
  readonly startedAt: number;
  readonly pid: number;
}

/** The parts of a record's file name, or undefined where the file is not one of ours. */
export function parseRecordFileName(file: string): RecordFileName | undefined {
  const match = NAME.exec(file);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second, milli, pid] = match;
  const startedAt = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}.${milli}Z`);
  return Number.isNaN(startedAt) ? undefined : { name: file.slice(0, -".jsonl".length), startedAt, pid: Number(pid) };
}
