/** What every ratio is divided by: one durable commit of about a kilobyte, by the plainest means there is. */
import { closeSync, fdatasyncSync, openSync, writeSync } from "node:fs";
import { Client } from "pg";

export interface OneCommit {
  readonly name: string;
  commit(): Promise<void>;
  close(): Promise<void>;
}

const BODY = "x".repeat(1024);
export const INSERT = "insert into bench_commit (body) values ($1)";
export const CREATE = "create table if not exists bench_commit (id bigserial primary key, body text not null)";

/** One row, one prepared insert, one connection. */
export async function openPostgresCommit(url: string): Promise<OneCommit> {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query(CREATE);
  return {
    name: "one commit: a row of 1 KiB through pg",
    commit: async () => void (await client.query({ name: "bench_commit", text: INSERT, values: [BODY] })),
    close: () => client.end(),
  };
}

export function openFileCommit(path: string): OneCommit {
  const file = openSync(path, "a");
  return {
    name: "one commit: append 1 KiB + fdatasync",
    commit: () => {
      writeSync(file, BODY);
      fdatasyncSync(file);
      return Promise.resolve();
    },
    close: () => Promise.resolve(closeSync(file)),
  };
}
