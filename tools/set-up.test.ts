import { describe, expect, it } from "vitest";
import { hashOfAll, isInstalled, isNewEnough } from "./set-up.mjs";
import { createTempRepository } from "./temp-repository.ts";

describe("the running Node", () => {
  it("is new enough from 22.18 on", () => {
    expect(["v18.20.0", "v20.20.2", "v22.17.9"].map(isNewEnough)).toEqual([false, false, false]);
    expect(["v22.18.0", "v24.0.0", "v26.1.0"].map(isNewEnough)).toEqual([true, true, true]);
  });
});

describe("what a build step is made from", () => {
  const hashed = (files: Readonly<Record<string, string>>): string => {
    const { root, remove } = createTempRepository(files);
    try {
      return hashOfAll(root, ["app", "lock.json"]);
    } finally {
      remove();
    }
  };
  const FILES = { "app/src/a.ts": "1", "app/src/b.css": "2", "lock.json": "{}", "other/x.ts": "x" };

  it("is another where a file, a name or the lock file is another", () => {
    const now = hashed(FILES);
    expect(hashed(FILES)).toBe(now);
    expect(hashed({ ...FILES, "app/src/a.ts": "3" })).not.toBe(now);
    expect(hashed({ ...FILES, "lock.json": "{ }" })).not.toBe(now);
    expect(hashed({ "app/src/c.ts": "1", "app/src/b.css": "2", "lock.json": "{}" })).not.toBe(now);
  });

  it("is the same whatever tests, built files and other folders say", () => {
    const now = hashed(FILES);
    expect(hashed({ ...FILES, "app/src/a.test.ts": "t", "app/dist/a.js": "d", "app/src/fixture/f.ts": "f", "other/x.ts": "y" })).toBe(now);
  });
});

describe("the installed dependencies", () => {
  const WANTED = {
    "": { name: "root" },
    "node_modules/a": { version: "1.0.0", integrity: "sha512-a" },
    "node_modules/a-windows": { version: "1.0.0", integrity: "sha512-w", optional: true },
    "node_modules/own": { resolved: "packages/own", link: true },
    "packages/own": { version: "0.1.0" },
  };
  const { "": _root, "node_modules/a-windows": _windows, ...here } = WANTED;

  function installed(packages: object | undefined): boolean {
    const { root, remove } = createTempRepository({
      "package-lock.json": JSON.stringify({ packages: WANTED }),
      ...(packages === undefined ? {} : { "node_modules/.package-lock.json": JSON.stringify({ packages }) }),
    });
    try {
      return isInstalled(root);
    } finally {
      remove();
    }
  }

  it("count as there when npm's own list is what the lock file asks for on this platform", () => {
    expect(installed(here)).toBe(true);
  });

  it("count as missing without that list, with another version, with another content, and with one too many", () => {
    expect(installed(undefined)).toBe(false);
    expect(installed({ ...here, "node_modules/a": { version: "1.0.1", integrity: "sha512-a" } })).toBe(false);
    expect(installed({ ...here, "node_modules/a": { version: "1.0.0", integrity: "sha512-b" } })).toBe(false);
    expect(installed({ ...here, "node_modules/b": { version: "1.0.0" } })).toBe(false);
  });
});
