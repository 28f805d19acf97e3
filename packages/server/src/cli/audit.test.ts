import { readFileSync, statSync, writeFileSync } from "node:fs";
import { execFileSync } from "node:child_process";
import { createServer } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createOperator, POLICY, type Operator } from "./fixture/operator.ts";

let operator: Operator;
const kept: string[] = [];
const place = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    kept.push(Buffer.concat(chunks).toString());
    response.writeHead(204).end();
  });
});

/** A control plane with some rows, whose checkpoints are in a file and at an address, and its export. */
beforeAll(async () => {
  place.listen(0, "127.0.0.1");
  await once(place, "listening");
  const address = place.address();
  operator = createOperator();
  writeFileSync(operator.path("policy.yaml"), POLICY);
  const to = ["--checkpoints-to", operator.path("checkpoints.jsonl"), "--checkpoints-to", `http://127.0.0.1:${address !== null && typeof address === "object" ? address.port : 0}/`];
  const first = await operator.up("--policies", operator.path("policy.yaml"), ...to);
  await operator.login(first.url);
  await first.end();
  const running = await operator.up(...to);
  expect(await operator.run("audit", "export", operator.path("export.jsonl"))).toMatchObject({ code: 0 });
  writeFileSync(operator.path("keys"), (await operator.run("audit", "keys")).out);
  expect(running.err()).toBe("");
});
afterAll(async () => {
  await operator.close();
  await new Promise((resolve) => place.close(resolve));
});

const verify = (file: string, ...args: readonly string[]) => operator.run("audit", "verify", operator.path(file), ...args);
const elsewhere = (): readonly string[] => ["--key", operator.path("keys"), "--checkpoints", operator.path("checkpoints.jsonl")];

describe("countersign audit export and verify", () => {
  it("a whole export verifies: by itself, by keys, and by checkpoints that were kept elsewhere", async () => {
    expect(statSync(operator.path("export.jsonl")).mode & 0o777).toBe(0o600);
    const alone = await verify("export.jsonl");
    expect([alone.code, alone.err]).toEqual([0, ""]);
    expect(alone.out).toContain("Compare that with the key you know");
    const proved = await verify("export.jsonl", ...elsewhere());
    expect([proved.code, proved.err]).toEqual([0, ""]);
    expect(proved.out).toMatch(/Proved up to row \d+ by the key [0-9a-f]{32}, which you gave\./);
    expect(JSON.parse((await verify("export.jsonl", "--format", "json", ...elsewhere())).out)).toMatchObject({ ok: true, proved: { trusted: true } });
    expect(await operator.run("audit", "export", operator.path("export.jsonl"))).toMatchObject({ code: 2, err: expect.stringContaining("exists already") });
  });

  it("checkpoints reach the file (0600) and the address alike", () => {
    const inFile = readFileSync(operator.path("checkpoints.jsonl"), "utf8").trim().split("\n");
    expect(statSync(operator.path("checkpoints.jsonl")).mode & 0o777).toBe(0o600);
    expect(inFile.length).toBeGreaterThan(0);
    expect(kept).toEqual(inFile);
  });

  it.each([
    ["a changed row", (lines: string[]) => lines.map((line, n) => (n === 3 ? line.replace(/"at":(\d)/, (_, digit) => `"at":${(Number(digit) + 1) % 10}`) : line))],
    ["a row that is missing", (lines: string[]) => lines.filter((_, n) => n !== 3)],
    ["a tail that was cut with its checkpoints", (lines: string[]) => [lines[0]?.replace(/"rows":\d+/, '"rows":3') ?? "", ...lines.slice(1, 4)]],
  ])("finds %s", async (_, tamper) => {
    const lines = readFileSync(operator.path("export.jsonl"), "utf8").trimEnd().split("\n");
    writeFileSync(operator.path("tampered.jsonl"), `${tamper(lines).join("\n")}\n`);
    const found = await verify("tampered.jsonl", ...elsewhere());
    expect([found.code, found.out]).toEqual([1, ""]);
    expect(found.err).toContain("this is not the record as it was written");
  });

  it("says what it cannot read", async () => {
    expect(await verify("nowhere.jsonl")).toMatchObject({ code: 2, err: expect.stringContaining("no such file") });
    writeFileSync(operator.path("bad-keys"), "not a key\n");
    expect(await verify("export.jsonl", "--key", operator.path("bad-keys"))).toMatchObject({ code: 2, err: expect.stringContaining("no Ed25519 public key") });
  });

  it("refuses to push checkpoints over plain HTTP to elsewhere", async () => {
    expect(await operator.run("up", "--dir", operator.path("other"), "--port", "0", "--checkpoints-to", "http://example.com/")).toMatchObject({ code: 2, err: expect.stringContaining("over https") });
  });
});

describe("checkpoints over https", () => {
  it("reach a receiver whose certificate is trusted, and are not told to one whose is not", async ({ skip }) => {
    const folder = createOperator();
    const [key, cert] = [folder.path("key.pem"), folder.path("cert.pem")];
    try {
      execFileSync("openssl", ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"], { stdio: "ignore" });
    } catch {
      await folder.close();
      return skip("no openssl on PATH");
    }
    const heard: string[] = [];
    const receiver = createSecureServer({ key: readFileSync(key), cert: readFileSync(cert) }, (request, response) => {
      request.on("data", (chunk: Buffer) => heard.push(chunk.toString()));
      request.on("end", () => response.writeHead(204).end());
    }).listen(0, "127.0.0.1");
    await once(receiver, "listening");
    const address = receiver.address();
    const to = `https://localhost:${address !== null && typeof address === "object" ? address.port : 0}/keep`;
    const trusting = createOperator({ NODE_EXTRA_CA_CERTS: cert });
    try {
      const doubting = await folder.up("--checkpoints-to", to);
      const { err } = await doubting.end();
      expect([heard, err]).toEqual([[], expect.stringContaining(`could not be pushed to ${to}`)]);
      expect((await (await trusting.up("--checkpoints-to", to)).end()).err).toBe("");
      expect(heard).toEqual([expect.stringMatching(/^\{"checkpoint":\{"tenant":"default",/)]);
    } finally {
      await trusting.close();
      await folder.close();
      receiver.closeAllConnections();
      await new Promise((resolve) => receiver.close(resolve));
    }
  });
});

describe("countersign audit query", () => {
  it("prints rows by filter, newest first, as they are stored", async () => {
    const { code, out } = await operator.run("audit", "query", "--event", "signed_in", "--limit", "2");
    const rows = out.trim().split("\n");
    expect(code).toBe(0);
    expect(rows.length).toBe(2); // the link's sign-in and the token
    const seqs = rows.map((row) => (JSON.parse(row) as { seq: number; event: string }).seq);
    expect(seqs[0]).toBeGreaterThan(seqs[1] ?? 0);
    for (const row of rows) expect(readFileSync(operator.path("export.jsonl"), "utf8")).toContain(`${row}\n`);
    expect((await operator.run("audit", "query", "--type", "decision")).out).toBe("");
    expect((await operator.run("audit", "query", "--limit", "5000")).code).toBe(1);
  });

  it("an export may begin at a row", async () => {
    expect(await operator.run("audit", "export", operator.path("part.jsonl"), "--after", "3")).toMatchObject({ code: 0 });
    expect(JSON.parse(readFileSync(operator.path("part.jsonl"), "utf8").split("\n")[1] ?? "")).toMatchObject({ seq: 4 });
    expect(await verify("part.jsonl", ...elsewhere())).toMatchObject({ code: 0 });
  });
});
