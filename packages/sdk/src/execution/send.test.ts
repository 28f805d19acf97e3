import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { fakeCall } from "../testing/fake-call.ts";
import { paramsOf } from "./send.ts";

describe("the params that are sent", () => {
  const call = fakeCall({ tool: "write_file", arguments: { b: 1, a: { c: [2] } }, meta: { "acme/env": "prod", traceparent: "the caller's" }, era: { task: { ttl: 60 } } });

  it("are the bound ones, with trace context in _meta", () => {
    const params = { name: "write_file", arguments: { a: { c: [2] }, b: 1 }, _meta: { "acme/env": "prod", traceparent: "ours", tracestate: "s" }, task: { ttl: 60 } };
    expect(paramsOf(call, { traceparent: "ours", tracestate: "s" }, false)).toEqual(params);
    expect(paramsOf(call, { traceparent: "ours", tracestate: "s" }, true)).toEqual(params);
  });

  it("carry no _meta where there is nothing to put in it", () => {
    expect(paramsOf(fakeCall({ arguments: {} }), {}, false)).toEqual({ name: "write_file", arguments: {} });
    expect(paramsOf(fakeCall({ arguments: {} }), { traceparent: "ours" }, false)).toEqual({ name: "write_file", arguments: {}, _meta: { traceparent: "ours" } });
  });

  it("of an approved call come from its bound text, which nobody was shown as an object", () => {
    const tampered = { ...call, arguments: { a: "changed in memory" } };
    expect(paramsOf(tampered, {}, true)["arguments"]).toEqual({ a: { c: [2] }, b: 1 });
    expect(paramsOf(call, {}, true)["arguments"]).not.toBe(call.arguments);
  });
});

describe("running a tool without a decision", () => {
  it("does not compile", { tags: ["leaves-processes"] }, () => {
    expect(compile([`export const run = (send: SendPort, permit: Permit, call: Call) => send(permit, call, {});`])).toEqual([]);
    const attempts = [
      `export const none = (send: SendPort, call: Call) => send(undefined, call, {});`,
      `export const left = (send: SendPort, call: Call) => send(call, {});`,
      `export const made = (send: SendPort, call: Call) => send({ basis: { kind: "allowed", policies: [] } }, call, {});`,
      `export const copied = (send: SendPort, permit: Permit, call: Call) => send({ ...permit }, call, {});`,
      `export const spent = (call: Call) => spendPermit({ basis: { kind: "allowed", policies: [] } }, call);`,
      `export const built = (call: Call) => new Permit({ kind: "allowed", policies: [] }, call);`,
    ];
    expect(compile(attempts)).toEqual(["TS2345", "TS2554", "TS2739", "TS2739", "TS2739", "TS2693"]);
  });
});

const ROOT = fileURLToPath(new URL("../../../..", import.meta.url));
const TSC = path.join(ROOT, "node_modules/typescript/bin/tsc");

/** The codes of the errors that the compiler finds in these lines, one a line. */
function compile(lines: readonly string[]): readonly string[] {
  const folder = mkdtempSync(path.join(tmpdir(), "permit-"));
  try {
    symlinkSync(path.join(ROOT, "node_modules"), path.join(folder, "node_modules"));
    symlinkSync(path.join(ROOT, "packages/sdk/src"), path.join(folder, "sdk"));
    const imports = [
      `import type { Call } from "./sdk/call/call.ts";`,
      `import { spendPermit } from "./sdk/execution/permit.ts";`,
      `import type { Permit } from "./sdk/execution/permit.ts";`,
      `import type { SendPort } from "./sdk/execution/send.ts";`,
      "void spendPermit;",
      "export type Known = [Call, Permit, SendPort];",
    ];
    writeFileSync(path.join(folder, "package.json"), `{"type":"module"}`);
    writeFileSync(path.join(folder, "probe.ts"), [...imports, ...lines].join("\n"));
    const options = ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2023", "--lib", "es2024", "--types", "node", "--allowImportingTsExtensions", "--skipLibCheck", "--pretty", "false"];
    const { stdout, stderr } = spawnSync(process.execPath, [TSC, ...options, "probe.ts"], { cwd: folder, encoding: "utf8", timeout: 20_000 });
    expect(stderr).toBe("");
    return stdout.split("\n").filter((line) => line !== "").map((line) => /^probe\.ts\(.*\): error (TS\d+):/.exec(line)?.[1] ?? line);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
