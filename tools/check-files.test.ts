import { describe, expect, it } from "vitest";
import { checkFiles } from "./check-files.mjs";
import { createTempRepository } from "./temp-repository.ts";

function problemsIn(files: Readonly<Record<string, string>>): readonly string[] {
  const { root, remove } = createTempRepository(files);
  try {
    return checkFiles(root);
  } finally {
    remove();
  }
}

// Put together here, so that the check does not find them in this file.
const PLACE = ["", "work", "main"].join("/");
const HOST = ["https:", "", "registry.npmjs.org"].join("/");
// A registry of servers is no package registry, and may be named. Put together here so that no plain search finds one in this file.
const MCP_REGISTRY = ["https://registry", "modelcontextprotocol", "io"].join(".");

describe("files", () => {
  it("are named in kebab-case after what they export", () => {
    expect(
      problemsIn({
        "packages/sdk/src/call/readCall.ts": "",
        "packages/sdk/src/utils/text.ts": "",
        "packages/sdk/src/approval/approval-manager.ts": "",
        "packages/sdk/src/call/read-call.test.ts": "",
        "packages/sdk/README.md": "",
        "packages/inbox/src/service-worker.ts": "",
      }),
    ).toEqual([
      `packages/sdk/src/approval/approval-manager.ts: "approval-manager" says nothing about what is inside; name it after what it exports`,
      "packages/sdk/src/call/readCall.ts: file names are kebab-case",
      `packages/sdk/src/utils/text.ts: "utils" says nothing about what is inside; name it after what it exports`,
    ]);
  });

  it("end at 400 lines", () => {
    expect(problemsIn({ "tools/a.mjs": "\n".repeat(400), "tools/b.mjs": "\n".repeat(401) })).toEqual([
      "tools/b.mjs: 401 lines; 400 is the end: split it by idea",
    ]);
  });

  it("carry no path of a machine and no registry host", () => {
    const text = `ok\n"${PLACE}/x"\nhttps://example.com${PLACE}\ndocs${PLACE}\nsee ${HOST}/zod\n${MCP_REGISTRY}`;
    expect(problemsIn({ "notes.md": text })).toEqual(["notes.md:2: a path of one machine", "notes.md:5: names a package registry's host"]);
  });
});

describe("projects", () => {
  it("are all named by the root, so that all are type-checked", () => {
    const problems = problemsIn({
      "tsconfig.json": JSON.stringify({ references: [{ path: "packages/sdk" }, { path: "./test" }] }),
      "packages/sdk/tsconfig.json": "{}",
      "test/tsconfig.json": "{}",
      "packages/server/tsconfig.json": "{}",
    });
    expect(problems).toEqual(["packages/server/tsconfig.json: is not among the references of tsconfig.json, so nobody type-checks it"]);
  });
});

describe("the lock file", () => {
  const lock = (packages: object): string => JSON.stringify({ packages }, null, 1);

  it("records no download addresses", () => {
    const problems = problemsIn({
      "package-lock.json": lock({ "node_modules/a": { resolved: "https://example.com/a.tgz" }, "node_modules/b": { resolved: "packages/b" } }),
    });
    expect(problems).toEqual(["package-lock.json:4: records a download address; make it with omit-lockfile-registry-resolved=true"]);
  });

  it("names every binary that a package may ask for, so that npm ci accepts it on every platform", () => {
    const problems = problemsIn({
      "package-lock.json": lock({
        "node_modules/a": { optionalDependencies: { "@a/linux": "1", "@a/mac": "1" } },
        "node_modules/a/node_modules/@a/linux": {},
      }),
    });
    expect(problems).toEqual([
      "package-lock.json: node_modules/a lacks @a/mac: npm ci will refuse it; pin a version whose binaries are all there",
    ]);
  });
});
