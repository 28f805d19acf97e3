import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { runCli, workspace } from "./fixture/run-cli.ts";

describe("policy schema", () => {
  it("prints a JSON Schema that accepts documents and refuses mistakes", async () => {
    const schema: unknown = JSON.parse((await runCli("policy", "schema")).out);
    expect(schema).toMatchObject({ $schema: "https://json-schema.org/draft/2020-12/schema", title: "Countersign policy document", required: ["version", "policies"] });
    // zod reads the schema back: what it accepts is what an editor accepts, but for if/then, which it does not know.
    const read = z.fromJSONSchema(JSON.parse(JSON.stringify(schema, (key, value: unknown) => (key === "allOf" ? undefined : value))));
    const policy = { name: "a", match: "mcp:fs:*", action: "throttle", rate: { limit: 1, per: "1m" } };
    expect(read.safeParse({ version: 1, policies: [policy] }).success).toBe(true);
    for (const wrong of [{ match: "fs" }, { action: "blok" }, { rate: { limit: 1, per: "soon" } }, { extra: 1 }]) {
      expect(read.safeParse({ version: 1, policies: [{ ...policy, ...wrong }] }).success, JSON.stringify(wrong)).toBe(false);
    }
  });

  it("describes every key of a policy, and what goes with one action only", async () => {
    const schema: { readonly properties: { readonly policies: { readonly items: { readonly allOf: unknown; readonly properties: Readonly<Record<string, { readonly description?: string }>> } } } } = JSON.parse((await runCli("policy", "schema")).out);
    const { allOf, properties } = schema.properties.policies.items;
    expect(Object.entries(properties).filter(([, { description }]) => description === undefined)).toEqual([]);
    expect(allOf).toHaveLength(3);
  });

  it("writes a file, and the line that editors look for", async () => {
    const files = await workspace();
    const path = join(files.directory, "schema.json");
    const { code, out } = await runCli("policy", "schema", "--out", path);
    expect(code).toBe(0);
    expect(out).toContain(`# yaml-language-server: $schema=${path}`);
    expect(JSON.parse(await readFile(path, "utf8"))).toHaveProperty("properties");
  });
});
