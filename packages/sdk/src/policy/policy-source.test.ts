import { appendFile, mkdir, mkdtemp, rename, rm, symlink, unlink, writeFile } from "node:fs/promises";
import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { PolicyDocumentError } from "../errors.ts";
import { policySourceContract } from "../testing/policy-source-contract.ts";
import type { PolicyDocument } from "./document.ts";
import { filePolicies, functionPolicies, objectPolicies, toPolicySource, type PolicySource } from "./policy-source.ts";
import { openPolicyStore, type PolicyEvent, type PolicyStore } from "./policy-store.ts";

const BROKEN = "version: 1\npolices: []\n";
const json = (document: PolicyDocument): string => JSON.stringify(document);
const sized = (policies: number): PolicyDocument => ({ version: 1, policies: Array.from({ length: policies }, (_, n) => ({ name: `p${n}`, match: "mcp:a:b", action: "block" })) });

async function directory(): Promise<string> {
  const made = await mkdtemp(path.join(tmpdir(), "policies-"));
  onTestFinished(() => rm(made, { recursive: true, force: true }));
  return made;
}

interface Opened {
  readonly store: PolicyStore;
  readonly events: PolicyEvent[];
}

function open(source: PolicySource): Opened {
  const events: PolicyEvent[] = [];
  const store = openPolicyStore(source, (event) => events.push(event));
  onTestFinished(() => store.close());
  return { store, events };
}

/** The time in milliseconds until this many policies are in force. */
async function inForce(store: PolicyStore, size: number): Promise<number> {
  const started = performance.now();
  await vi.waitFor(() => expect(store.status().size).toBe(size), { timeout: 5_000, interval: 10 });
  return performance.now() - started;
}

policySourceContract(
  "a file",
  async (first) => {
    const made = await mkdtemp(path.join(tmpdir(), "policies-"));
    const file = path.join(made, "policy.yaml");
    await writeFile(file, json(first));
    return {
      source: filePolicies(file),
      put: (document) => writeFile(file, json(document)),
      putBroken: () => writeFile(file, BROKEN),
      remove: () => rm(made, { recursive: true }),
    };
  },
  { describe, expect, it },
);

policySourceContract(
  "a function",
  async (first) => {
    let held: () => PolicyDocument = () => first;
    return {
      source: functionPolicies(() => held(), 20),
      put: (document) => void (held = () => document),
      putBroken: () =>
        void (held = () => {
          throw new Error("no answer");
        }),
    };
  },
  { describe, expect, it },
  { withinMs: 500 },
);

policySourceContract(
  "an async function that answers with text",
  async (first) => {
    let held = json(first);
    return { source: functionPolicies(async () => ({ text: held }), 20), put: (document) => void (held = json(document)), putBroken: () => void (held = BROKEN) };
  },
  { describe, expect, it },
  { withinMs: 500 },
);

policySourceContract("an object", async (first) => ({ source: objectPolicies(first), put: () => {} }), { describe, expect, it }, { withinMs: 100 });

describe("a policy file", () => {
  it("is picked up within about a second of each way to change it", async () => {
    const dir = await directory();
    const file = path.join(dir, "policy.yaml");
    await writeFile(file, json(sized(1)));
    const { store } = open(filePolicies(file));
    const took: number[] = [];

    await writeFile(file, json(sized(2))); // in place
    took.push(await inForce(store, 2));
    await writeFile(`${file}.new`, json(sized(3))); // by atomic rename
    await rename(`${file}.new`, file);
    took.push(await inForce(store, 3));
    await writeFile(file, "version: 1\npolicies:\n"); // piece by piece
    await appendFile(file, "  - { name: a, match: mcp:a:b, action: block }\n");
    took.push(await inForce(store, 1));
    for (const ms of took) expect(ms).toBeLessThan(1_500);
  });

  it("is picked up where a link to it is swapped, as Kubernetes does with a ConfigMap", async () => {
    const dir = await directory();
    for (const [version, size] of [["one", 1], ["two", 2]] as const) {
      await mkdir(path.join(dir, version));
      await writeFile(path.join(dir, version, "policy.yaml"), json(sized(size)));
    }
    await symlink("one", path.join(dir, "..data"));
    await symlink(path.join("..data", "policy.yaml"), path.join(dir, "policy.yaml"));
    const { store } = open(filePolicies(path.join(dir, "policy.yaml")));
    expect(store.status().size).toBe(1);
    await symlink("two", path.join(dir, "..data_tmp"));
    await rename(path.join(dir, "..data_tmp"), path.join(dir, "..data"));
    expect(await inForce(store, 2)).toBeLessThan(1_500);
  });

  it("is picked up where it changes at the very moment it is opened", async () => {
    const file = path.join(await directory(), "policy.yaml");
    await writeFile(file, json(sized(1)));
    const { store } = open(filePolicies(file));
    writeFileSync(file, json(sized(2)));
    await inForce(store, 2);
  });

  it("is picked up where two writes of one length leave the same time and size", async () => {
    const file = path.join(await directory(), "policy.yaml");
    const written = (name: string): string => json({ version: 1, policies: [{ name, match: "mcp:a:b", action: "block" }] });
    await writeFile(file, written("one"));
    const { store } = open(filePolicies(file));
    const digests = new Set([store.status().digest]);
    for (const name of ["two", "six", "ten"]) {
      writeFileSync(file, written("old"));
      writeFileSync(file, written(name));
      await vi.waitFor(() => expect(digests.has(store.status().digest)).toBe(false), { timeout: 5_000 });
      digests.add(store.status().digest);
    }
  });

  it("that is broken keeps the last good one and says so once for each change", async () => {
    const file = path.join(await directory(), "policy.yaml");
    await writeFile(file, json(sized(2)));
    const { events, store } = open(filePolicies(file));
    const refused = (): number => events.filter(({ event }) => event === "policy_refused").length;
    await writeFile(file, BROKEN);
    await vi.waitFor(() => expect(refused()).toBe(1), { timeout: 5_000 });
    await new Promise((resolve) => setTimeout(resolve, 1_600)); // three more looks at the file
    expect(refused()).toBe(1);
    expect(events.at(-1)?.problem).toBe(`${file}:1:1: policies is missing. Write \`policies: []\` where there are none.\n${file}:2:1: the document has the unknown key "polices". Did you mean policies?`);
    expect(store.status()).toMatchObject({ size: 2, generation: 1, problem: events.at(-1)?.problem });

    await writeFile(file, `${BROKEN}# still broken\n`);
    await vi.waitFor(() => expect(refused()).toBe(2), { timeout: 5_000 });
    await writeFile(file, json(sized(2))); // back to what is in force
    await vi.waitFor(() => expect(store.status().problem).toBeUndefined(), { timeout: 5_000 });
    expect(events.map(({ event }) => event)).toEqual(["policy_activated", "policy_refused", "policy_refused", "policy_activated"]);
    expect(store.status().generation).toBe(1);
  });

  it("that is deleted keeps the last good one, says so once, and is picked up when it comes back", async () => {
    const file = path.join(await directory(), "policy.yaml");
    await writeFile(file, json(sized(2)));
    const { events, store } = open(filePolicies(file));
    await unlink(file);
    await vi.waitFor(() => expect(store.status().problem).toBe(`${file}: cannot be loaded: there is no such file (${file}). Create it, or correct the path.`), { timeout: 5_000 });
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    expect(events.map(({ event }) => event)).toEqual(["policy_activated", "policy_refused"]);
    expect(store.status().size).toBe(2);
    await writeFile(file, json(sized(2)));
    await vi.waitFor(() => expect(store.status().problem).toBeUndefined(), { timeout: 5_000 });
    await writeFile(file, json(sized(3)));
    await inForce(store, 3);
  });

  it("says what is wrong with the place where it cannot be opened at all", async () => {
    const dir = await directory();
    const latin = path.join(dir, "latin1.yaml");
    await writeFile(latin, Buffer.from("version: 1\n# caf\xe9\npolicies: []\n", "latin1"));
    const absent = path.join(dir, "absent.yaml");
    const problem = (file: string): string => {
      try {
        openPolicyStore(filePolicies(file), () => {});
        return "opened";
      } catch (error) {
        return error instanceof PolicyDocumentError ? error.message : `crashed: ${String(error)}`;
      }
    };
    expect(problem(absent)).toBe(`${absent}:1:1: cannot be loaded: there is no such file (${absent}). Create it, or correct the path.`);
    expect(problem(dir)).toBe(`${dir}:1:1: cannot be loaded: this is a directory (${dir}). Name the file in it.`);
    expect(problem(latin)).toBe(`${latin}:1:1: cannot be loaded: the file is not UTF-8 text. Save it as UTF-8.`);
  });

  it("is watched by one timer, and by none once the watch has ended, be it in the middle of a look", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    onTestFinished(() => void vi.useRealTimers());
    const file = path.join(await directory(), "policy.yaml");
    await writeFile(file, json(sized(1)));
    const changed = vi.fn();
    const stop = filePolicies(file).watch?.(changed);
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(500);
    await expect.poll(() => changed.mock.calls.length).toBe(1);
    vi.advanceTimersByTime(500); // asks the file system again
    stop?.();
    expect(vi.getTimerCount()).toBe(0);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(changed).toHaveBeenCalledTimes(1);
  });

  it("keeps its name as it was given, and its place where the process was then", async () => {
    const source = filePolicies("some/policy.yaml");
    expect(source.name).toBe("some/policy.yaml");
    expect(() => source.load()).toThrow(path.resolve("some/policy.yaml"));
  });
});

describe("what init takes", () => {
  const document: PolicyDocument = { version: 1, policies: [] };

  it("is a path, a document, a function or a source", async () => {
    expect(toPolicySource("policy.yaml").name).toBe("policy.yaml");
    expect(toPolicySource(document).load()).toBe(document);
    const policiesOfTeam = (): PolicyDocument => document;
    expect(toPolicySource(policiesOfTeam)).toMatchObject({ name: "policiesOfTeam()", load: policiesOfTeam });
    expect(toPolicySource(() => document).name).toBe("the policies function");
    class Mine implements PolicySource {
      readonly name = "mine";
      load(): PolicyDocument {
        return document;
      }
    }
    const mine = new Mine();
    expect(toPolicySource(mine)).toBe(mine);
  });

  it.each([undefined, null, "", 5, true, Symbol("policies")])("is not %s", (given) => {
    expect(() => toPolicySource(given)).toThrow(new TypeError("policies must be a path, a document object, a function, or a PolicySource"));
  });

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31])("refreshes no function every %d ms", (refreshMs) => {
    expect(() => functionPolicies(() => document, refreshMs)).toThrow(new TypeError("refreshMs must be from 1 to 2147483647 milliseconds"));
  });

  it("asks a function for policies and nothing else", () => {
    // JavaScript callers do not read types.
    expect(() => functionPolicies("policy.yaml" as never)).toThrow(TypeError);
  });
});
