import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it, vi } from "vitest";
import { gatewayJsonSchema } from "../config/gateway-json-schema.ts";
import { MODES } from "../gateway/health/readiness.ts";
import { runCli, workspace } from "./fixture/run-cli.ts";

const PAGE = fileURLToPath(new URL("../../../../docs/gateway-config.md", import.meta.url));
const EXAMPLES = fileURLToPath(new URL("../../../../examples/docs/gateway-config", import.meta.url));
const page = readFileSync(PAGE, "utf8");

afterEach(() => vi.unstubAllEnvs());

interface Schema {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema;
  readonly anyOf?: readonly Schema[];
}

/** Each key by its path, with what the schema says of it. */
function rows(schema: Schema, path: string): readonly string[] {
  const own = Object.entries(schema.properties ?? {}).flatMap(([key, inner]) => {
    const at = path === "" ? key : `${path}.${key}`;
    return [`| \`${at}\` | ${inner.description ?? ""} |`, ...rows(inner, at)];
  });
  const named = schema.additionalProperties?.properties === undefined ? [] : rows(schema.additionalProperties, `${path}.NAME`);
  return [...own, ...named, ...(schema.anyOf ?? []).flatMap((one) => rows(one, path))];
}

describe("docs/gateway-config.md", () => {
  it("has every key of the file in its reference, in the schema's own words", () => {
    // The schema is JSON; its shape is what zod makes.
    const wanted = rows((gatewayJsonSchema() as unknown as { properties: { gateway: Schema } }).properties.gateway, "").join("\n");
    const found = /<!-- reference -->\n\n\| key \| {2}\|\n\|---\|---\|\n([^]*?)\n\n<!-- end of reference -->/.exec(page)?.[1];
    expect(found).toBe(wanted);
  });

  it("names every condition that health can tell of", () => {
    for (const mode of MODES) expect(page).toContain(`| \`${mode}\` |`);
  });

  it("shows files that a gateway takes", async () => {
    const { directory } = await workspace();
    cpSync(EXAMPLES, directory, { recursive: true });
    for (const name of ["all", "filesystem"]) writeFileSync(join(directory, `${name}.policy.yaml`), "version: 1\ndefault: allow\npolicies: []\n");
    const said = await runCli("gateway", "check", join(directory, "countersign.yaml"), join(directory, "small.yaml"));
    expect([said.code, said.err]).toEqual([1, expect.stringContaining("needs the environment variable GITHUB_TOKEN, which is not set. Set GITHUB_TOKEN for the gateway.")]);
    vi.stubEnv("GITHUB_TOKEN", "x");
    expect(await runCli("gateway", "check", join(directory, "countersign.yaml"), join(directory, "small.yaml"))).toMatchObject({ code: 0, err: "" });
  });
});
