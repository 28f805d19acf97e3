import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { runCli, workspace } from "./fixture/run-cli.ts";

const POLICY = "version: 1\ndefault: allow\npolicies:\n  - name: writes\n    match: mcp:files:write_file\n    action: block\n";

describe("gateway check", () => {
  it("says that a configuration is fine, with the policy files it names", async () => {
    const { file } = await workspace();
    await file("files.policy.yaml", POLICY);
    const path = await file("countersign.yaml", "version: 1\ngateway:\n  servers:\n    files: { command: server, policies: files.policy.yaml }\n    git: { url: https://git.example/mcp }\n");
    expect(await runCli("gateway", "check", path)).toEqual({ code: 0, out: `${path}: 2 servers, all fine.`, err: "" });
  });

  it("says what is wrong in it and in its policy files, each in its own file and place", async () => {
    const { file, directory } = await workspace();
    const broken = await file("files.policy.yaml", POLICY.replace("block", "blok"));
    const path = await file("countersign.yaml", "version: 1\ngateway:\n  servers:\n    files: { command: server, policies: files.policy.yaml }\n    git: { command: git, policies: none.yaml }\n");
    const { code, err, out } = await runCli("gateway", "check", path);
    expect([code, out]).toEqual([1, ""]);
    expect(err.split("\n")).toEqual([
      `${broken}:6:5: policies[0].action must be allow, warn, throttle or block, not "blok". Did you mean block?`,
      `${path}:1:1: ${join(directory, "none.yaml")}: cannot be read: there is no such file. Check the path.`,
    ]);
    const slip = await file("slip.yaml", "version: 1\ngateway:\n  servers: { a: { comand: x } }\n");
    expect((await runCli("gateway", "check", slip)).err).toContain(`${slip}:3:19: gateway.servers.a has the unknown key "comand". Did you mean command?`);
  });

  it("warns of a policy that its server's calls never meet", async () => {
    const { file } = await workspace();
    const policies = await file("files.policy.yaml", POLICY);
    const path = await file("countersign.yaml", "version: 1\ngateway:\n  servers: { fils: { command: server, policies: files.policy.yaml } }\n");
    const warned = await runCli("gateway", "check", path);
    expect([warned.code, warned.out]).toEqual([0, `${path}: 1 server, 1 warning.`]);
    expect(warned.err).toBe(`${policies}:5:5: warning: "writes" can never match. Only calls of fils are judged by this file. Correct the name of the server, or move the policy.`);
    expect((await runCli("gateway", "check", path, "--strict")).code).toBe(1);
    expect(JSON.parse((await runCli("gateway", "check", path, "--format", "json")).out)).toMatchObject({ ok: true, files: [{ file: path, servers: ["fils"], findings: [{ severity: "warning", line: 5 }] }] });
  });
});

describe("gateway schema", () => {
  it("describes every key, and accepts what the gateway accepts", async () => {
    const schema: unknown = JSON.parse((await runCli("gateway", "schema")).out);
    expect(schema).toMatchObject({ $schema: "https://json-schema.org/draft/2020-12/schema", title: "Countersign gateway", required: ["version", "gateway"] });
    expect(undescribed(schema)).toEqual([]);
    // A value is always one of the schema's own kinds.
    const read = z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]);
    const document = (server: object): object => ({ version: 1, gateway: { servers: { a: server } } });
    expect(read.safeParse(document({ command: "x", args: ["y"], env: { A: "b" } })).success).toBe(true);
    for (const wrong of [{ comand: "x" }, { url: "https://x", transport: "websocket" }, { command: 1 }]) expect(read.safeParse(document(wrong)).success, JSON.stringify(wrong)).toBe(false);
  });

  it("writes a file, and the line that editors look for", async () => {
    const { directory } = await workspace();
    const path = join(directory, "schema.json");
    expect((await runCli("gateway", "schema", "--out", path)).out).toContain(`# yaml-language-server: $schema=${path}`);
    expect(JSON.parse(await readFile(path, "utf8"))).toHaveProperty("properties");
  });
});

function undescribed(schema: unknown, path = ""): readonly string[] {
  if (schema === null || typeof schema !== "object") return [];
  return Object.entries(schema).flatMap(([key, value]) => {
    if (key !== "properties") return undescribed(value, `${path}/${key}`);
    return Object.entries(value).flatMap(([name, inner]) => [...(inner !== null && typeof inner === "object" && "description" in inner ? [] : [`${path}/${name}`]), ...undescribed(inner, `${path}/${name}`)]);
  });
}
