import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { OPERATOR } from "../../auth/identity.ts";
import { MemoryStore } from "../fixture/memory-store.ts";
import { activate, agent, agentKey, onePersonMode, openWorld, person, PLAIN_POLICY, put, voter, type World } from "../fixture/world.ts";
import { codeOf, must } from "../people/fixture/installation.ts";
import { CannotStartError } from "./cannot-start-error.ts";
import { readControlFile, readOperatorSecret, makeOperatorSecret, writeControlFile } from "./control-file.ts";
import { diagnose, type DiagnoseOptions } from "./diagnose.ts";
import { assertSameKey, readInstallationKey } from "./installation-key.ts";
import { createInstallation } from "./installation.ts";
import { isLocked, lockStateDirectory } from "./state-lock.ts";

let directory: string;
let store: MemoryStore;
let world: World;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "countersign-installation-"));
  store = new MemoryStore();
  world = await openWorld(store);
});
afterEach(async () => {
  await world.close();
  rmSync(directory, { recursive: true });
});

describe("the lock of a state directory", () => {
  it("is held by one, seen by whoever looks, and free again", () => {
    expect(isLocked(directory)).toBe(false); // nobody was ever here
    const lock = lockStateDirectory(directory);
    expect([isLocked(directory), lockStateDirectory(directory)]).toEqual([true, undefined]);
    lock?.release();
    lock?.release();
    expect(isLocked(directory)).toBe(false);
    const again = lockStateDirectory(directory);
    expect(again).toBeDefined();
    again?.release();
    expect(statSync(join(directory, "lock")).mode & 0o777).toBe(0o600);
  });
});

describe("control.json and the operator's secret", () => {
  it("are read back as written, 0600, and are nothing where they are broken", () => {
    const facts = { url: "http://127.0.0.1:7433", pid: 1, instance: "i", version: "0.1.0" };
    writeControlFile(directory, facts);
    expect([readControlFile(directory), statSync(join(directory, "control.json")).mode & 0o777]).toEqual([facts, 0o600]);
    for (const broken of ["", "{", '{"url":"not a url","pid":1,"instance":"i","version":"0"}', '{"url":"http://x","pid":-1,"instance":"i","version":"0"}']) {
      writeFileSync(join(directory, "control.json"), broken);
      expect(readControlFile(directory)).toBeUndefined();
    }
    const secret = makeOperatorSecret(directory);
    expect([readOperatorSecret(directory), statSync(join(directory, "operator.secret")).mode & 0o777]).toEqual([secret, 0o600]);
    expect(makeOperatorSecret(directory)).not.toBe(secret); // good as long as one control plane runs
  });
});

describe("the installation's key", () => {
  it("is made once, or comes from the environment", () => {
    const first = readInstallationKey(directory, {}).key.export();
    expect(readInstallationKey(directory, {}).key.export()).toEqual(first);
    const given = Buffer.alloc(32, 9).toString("base64");
    expect(readInstallationKey(directory, { COUNTERSIGN_MASTER_KEY: given }).key.export()).toEqual(Buffer.alloc(32, 9));
    expect(() => readInstallationKey(directory, { COUNTERSIGN_MASTER_KEY: "short" })).toThrow(CannotStartError);
  });

  it("must be the one the store is under; a file made just now does not stay where it is not", async () => {
    await assertSameKey(world.ledger, readInstallationKey(directory, {}));
    await assertSameKey(world.ledger, readInstallationKey(directory, {}));
    const kept = readFileSync(join(directory, "master.key"), "utf8");
    rmSync(join(directory, "master.key"));
    await expect(assertSameKey(world.ledger, readInstallationKey(directory, {}))).rejects.toThrow(CannotStartError);
    expect(() => statSync(join(directory, "master.key"))).toThrow(/ENOENT/);
    writeFileSync(join(directory, "master.key"), kept);
    await assertSameKey(world.ledger, readInstallationKey(directory, {}));
    expect(store.lines.map(({ line }) => line).join()).not.toContain(kept.trim());
  });
});

describe("the installation as a resource", () => {
  it("is looked at by people and the operator, and ended by the operator alone", async () => {
    let stops = 0;
    const installation = createInstallation({ ledger: world.ledger, store, version: "1.2.3", onStop: () => (stops += 1), diagnose: async () => [], countOpen: async () => 4 });
    await put(world.ledger, person("olga", { roles: ["owner"] }), person("gone", { status: "disabled" }), onePersonMode(true));
    expect(must(await installation.read(OPERATOR)).installation).toMatchObject({ version: "1.2.3", people: 1, onePersonMode: true, openRequests: 4, policy: null, head: world.ledger.head });
    expect(codeOf(await installation.read(voter("olga")))).toBe("ok");
    for (const identity of [agent("k"), { kind: "anonymous" } as const]) expect(codeOf(await installation.read(identity))).toBe("forbidden");
    for (const identity of [agent("k"), voter("olga", { roles: ["owner"] })]) expect(codeOf(await installation.stop(identity))).toBe("forbidden");
    must(await installation.stop(OPERATOR));
    expect(stops).toBe(0); // the answer goes out first
    await new Promise(setImmediate);
    expect(stops).toBe(1);
  });
});

describe("diagnoses", () => {
  const found = async (options: Partial<DiagnoseOptions> = {}) => {
    const checkpoints = { places: 1, failing: () => [] };
    const all = await diagnose({ ledger: world.ledger, store, origin: () => "http://localhost:7433", host: "127.0.0.1", checkpoints, ...options });
    return all.map(({ code }) => code);
  };

  it.each([
    ["http://localhost:7433", "127.0.0.1", false],
    ["http://127.0.0.1:7433", "::1", false],
    ["https://approvals.example.com", "0.0.0.0", false],
    ["http://localhost:7433", "0.0.0.0", true],
    ["http://approvals.example.com", "127.0.0.1", true],
    ["http://127.evil.example:7433", "127.0.0.1", true],
  ])("%s on %s: plain HTTP off this machine: %s", async (origin, host, isUnsafe) => {
    expect((await found({ origin: () => origin, host })).includes("plain_http")).toBe(isUnsafe);
  });

  it("nobody who may approve; a key older than a year; neither where all is well", async () => {
    await put(world.ledger, person("aud", { roles: ["auditor"] }), agentKey("old", "aud", { createdAt: 1 }), agentKey("revoked", null, { revokedAt: 5 }));
    await activate(world.ledger, 1, PLAIN_POLICY);
    const before = await found();
    expect(before).toEqual(expect.arrayContaining(["no_approver", "old_keys"]));
    expect(before).not.toContain("keys_without_owner");
    await put(world.ledger, person("aud", { roles: ["owner"], passwordHash: "set" }), agentKey("old", "aud", { createdAt: Date.now() }));
    expect(await found()).toEqual(["same_user"]);
  });
});
