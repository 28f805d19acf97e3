import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { SignedCheckpoint } from "./checkpoint.ts";
import { checkpointPlace } from "./checkpoint-places.ts";
import { checkpointLineOf, readCheckpoint } from "./export-lines.ts";

const CHECKPOINT: SignedCheckpoint = { tenant: "default", installation: "i", seq: 7, hash: "ab".repeat(32), at: 1, keyId: "k", signature: "s" };
const never = new AbortController().signal;
let folder: string;
let server: Server | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "countersign-places-"));
});
afterEach(async () => {
  rmSync(folder, { recursive: true });
  await new Promise((resolve) => (server === undefined ? resolve(undefined) : server.close(resolve)));
  server = undefined;
});
async function serve(listener: RequestListener): Promise<string> {
  server = createServer({ keepAliveTimeout: 1 }, listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return `http://127.0.0.1:${address !== null && typeof address === "object" ? address.port : 0}`;
}

describe("a file", () => {
  it("gets a line for each checkpoint, after what is in it, readable by its user alone", async () => {
    const path = join(folder, "kept.jsonl");
    const place = checkpointPlace(path);
    await place.push(CHECKPOINT, never);
    await place.push({ ...CHECKPOINT, seq: 8 }, never);
    const lines = readFileSync(path, "utf8").trimEnd().split("\n");
    expect(lines.map((line) => readCheckpoint(Buffer.from(line)))).toEqual([CHECKPOINT, { ...CHECKPOINT, seq: 8 }]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it("that cannot be written fails", async () => {
    writeFileSync(join(folder, "file"), "");
    await expect(checkpointPlace(join(folder, "file", "kept")).push(CHECKPOINT, never)).rejects.toThrow("ENOTDIR");
  });
});

describe("an address", () => {
  it("gets each checkpoint by POST, as the line of an export", async () => {
    const heard: string[] = [];
    const url = await serve((request, response) => {
      request.on("data", (chunk: Buffer) => heard.push(`${request.method} ${request.url} ${request.headers["content-type"]} ${chunk.toString()}`));
      request.on("end", () => response.writeHead(204).end());
    });
    await checkpointPlace(`${url}/keep?token=t`).push(CHECKPOINT, never);
    expect(heard).toEqual([`POST /keep?token=t application/json ${checkpointLineOf(CHECKPOINT)}`]);
  });

  it("that does not agree, or sends on to another one, has not kept it", async () => {
    const url = await serve((request, response) => {
      request.resume();
      response.writeHead(request.url === "/moved" ? 307 : 500, { location: "/" }).end();
    });
    await expect(checkpointPlace(`${url}/`).push(CHECKPOINT, never)).rejects.toThrow("it answered 500");
    await expect(checkpointPlace(`${url}/moved`).push(CHECKPOINT, never)).rejects.toThrow();
  });

  it("is https, or on this machine; its name tells no secret", () => {
    for (const wrong of ["http://example.com/", "http://127.evil.example/", "http://localhost.evil.example/", "HTTP://10.0.0.1/"]) expect(() => checkpointPlace(wrong)).toThrow(/over https/);
    for (const right of ["https://example.com/keep?token=t", "http://localhost:1/keep?token=t", "http://[::1]:1/keep?token=t"]) expect(checkpointPlace(right).name).not.toContain("token");
  });
});
