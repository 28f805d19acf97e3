/**
 * The official suite as the server, the official client as the client, and the gateway between them, in each of its fronts: what the
 * suite sees of the client is what it sees without the gateway. Over standard streams it is the gateway that speaks HTTP: its headers, its
 * streams that are taken up again, its sessions.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ALLOW_ALL } from "../gateway/real-servers.ts";
import { runClientScenario } from "./official-suite.ts";

const isConformance = process.env["COUNTERSIGN_CONFORMANCE"] !== undefined;
const WHY_NOT = "the official suite is installed by `npm run conformance`";
const SCENARIO_MS = 60_000;
const CLIENT = fileURLToPath(new URL("fixture/suite-client.ts", import.meta.url));

const SCENARIOS = [
  ["initialize", "2025-11-25"],
  ["tools_call", "2025-11-25"],
  ["elicitation-sep1034-client-defaults", "2025-11-25"],
  ["sse-retry", "2025-11-25"],
  ["json-schema-2020-12-preservation", "2025-11-25"],
  ["tools_call", "2026-07-28"],
  ["request-metadata", "2026-07-28"],
  ["sep-2322-client-request-state", "2026-07-28"],
  ["http-standard-headers", "2026-07-28"],
  ["http-custom-headers", "2026-07-28"],
  ["http-invalid-tool-headers", "2026-07-28"],
  ["json-schema-ref-no-deref", "2026-07-28"],
  ["json-schema-2020-12-preservation", "2026-07-28"],
] as const;
const WAYS = ["direct", "http", "stdio"] as const;
let home: string;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), "countersign-client-suite-"));
  writeFileSync(join(home, "allow.yaml"), ALLOW_ALL);
  process.env["SUITE_GATEWAY_OPTIONS"] = JSON.stringify(["--name", "suite", "--policies", join(home, "allow.yaml"), "--no-control-plane", "--dir", join(home, "state")]);
});
const rows = new Map<string, string[]>();
/** What passes without a gateway. */
const direct = new Map<string, number>();
afterAll(() => {
  delete process.env["SUITE_GATEWAY_OPTIONS"];
  rmSync(home, { recursive: true, force: true });
  for (const [name, cells] of rows) process.stdout.write(`${name.padEnd(55)}${cells.map((cell) => cell.padEnd(16)).join("")}\n`);
});

describe.for(WAYS)("%s", (way) => {
  it.for(SCENARIOS)("%s, %s", { timeout: SCENARIO_MS }, async ([scenario, version], { skip }) => {
    skip(!isConformance, WHY_NOT);
    const run = (): ReturnType<typeof runClientScenario> => runClientScenario(scenario, version, `${process.execPath} ${CLIENT} ${way}`);
    const first = await run();
    // The suite gives a client a time, which a busy machine may take: what fails, fails twice.
    const { passed, failures } = first.failures.length === 0 ? first : await run();
    const name = `${scenario} ${version}`;
    rows.set(name, [...(rows.get(name) ?? []), `${way} ${passed}/${failures.length}`]);
    expect(failures).toEqual([]);
    if (way === "direct") direct.set(name, passed);
    expect([name, passed]).toEqual([name, direct.get(name)]);
    expect(passed).toBeGreaterThan(0);
  });
});
