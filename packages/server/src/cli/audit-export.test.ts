import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { auditExport } from "./audit.ts";
import { clientOf, type ControlClient } from "./control-client.ts";
import { realPorts } from "./real-ports.ts";

const ports = { ...realPorts(), out: () => undefined, err: () => undefined };
let folder: string;
let file: string;
let server: Server | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "countersign-export-"));
  file = join(folder, "record.jsonl");
});
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
  rmSync(folder, { recursive: true });
});

/** A control plane whose export goes as `answer` does. */
async function controlPlane(answer: (response: ServerResponse) => void): Promise<ControlClient> {
  server = createServer((_, response) => answer(response));
  await new Promise<void>((listening) => server?.listen(0, "127.0.0.1", listening));
  return clientOf(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, "t", 1_000);
}

describe("countersign audit export", () => {
  it.each([
    ["falls silent", (response: ServerResponse) => void response.write("half a row")],
    ["dies", (response: ServerResponse) => void response.write("half a row", () => setTimeout(() => response.destroy(), 50))],
  ])("where the control plane %s in the middle, no file is left that looks like an export", async (_, answer) => {
    const client = await controlPlane(answer);
    const failed = auditExport(client, file, 0, ports);
    await expect(failed).rejects.toThrow(/record\.jsonl: the export broke off \(.+\), and nothing was kept of it\. Run it again\./);
    expect(readdirSync(folder)).toEqual([]);
  });

  it("has its name only when it is whole, is its user's alone, and replaces nothing, not even what came meanwhile", async () => {
    let there: boolean | undefined;
    const whole = await controlPlane((response) => {
      response.write("one\n", () =>
        setTimeout(() => {
          there = existsSync(file);
          response.end("two\n");
        }, 50),
      );
    });
    writeFileSync(`${file}.part`, "of an export that was killed");
    expect(await auditExport(whole, file, 0, ports)).toBe(0);
    expect([there, readFileSync(file, "utf8"), statSync(file).mode & 0o777, readdirSync(folder)]).toEqual([false, "one\ntwo\n", 0o600, ["record.jsonl"]]);
    await expect(auditExport(whole, file, 0, ports)).rejects.toThrow("exists already");
    rmSync(file);
    server?.close();
    const late = await controlPlane((response) => {
      writeFileSync(file, "somebody else's");
      response.end("three\n");
    });
    await expect(auditExport(late, file, 0, ports)).rejects.toThrow("exists already");
    expect([readFileSync(file, "utf8"), readdirSync(folder)]).toEqual(["somebody else's", ["record.jsonl"]]);
  });
});
