import { describe, expect, it } from "vitest";
import { checkImports } from "./check-imports.mjs";
import { createTempRepository } from "./temp-repository.ts";

const MANIFESTS = {
  "package.json": JSON.stringify({ name: "root", devDependencies: { vitest: "1" } }),
  "packages/sdk/package.json": JSON.stringify({ name: "@countersign/sdk", dependencies: { zod: "1" } }),
};

function problemsIn(files: Readonly<Record<string, string>>): readonly string[] {
  const { root, remove } = createTempRepository({ ...MANIFESTS, ...files });
  try {
    return checkImports(root);
  } finally {
    remove();
  }
}

describe("imports run one way", () => {
  it("lets a step use an earlier one, and errors.ts from everywhere", () => {
    const problems = problemsIn({
      "packages/sdk/src/policy/evaluate.ts": `import { a } from "../call/call.ts";\nimport { E } from "../errors.ts";\nexport const b = [a, E];`,
      "packages/sdk/src/call/call.ts": `export const a = 1;`,
      "packages/sdk/src/errors.ts": `import type { a } from "./call/call.ts";\nexport class E {}\nexport type A = typeof a;`,
    });
    expect(problems).toEqual([]);
  });

  it("refuses an import against the flow, with file and line", () => {
    const problems = problemsIn({
      "packages/sdk/src/call/call.ts": `// first\nimport { b } from "../policy/evaluate.ts";\nexport const a = b;`,
      "packages/sdk/src/policy/evaluate.ts": `export const b = 1;`,
    });
    expect(problems).toEqual([`packages/sdk/src/call/call.ts:2: "call" must not import "policy": ../policy/evaluate.ts`]);
  });

  it("refuses a value where only types may cross, and allows the type", () => {
    const record = (line: string): readonly string[] =>
      problemsIn({
        "packages/sdk/src/record/row.ts": `${line}\nexport const c = 1;`,
        "packages/sdk/src/policy/evaluate.ts": `export const b = 1;`,
      });
    expect(record(`import type { b } from "../policy/evaluate.ts";`)).toEqual([]);
    expect(record(`import { b } from "../policy/evaluate.ts";`)).toHaveLength(1);
    expect(record(`import { type b } from "../policy/evaluate.ts";`)).toHaveLength(1);
    expect(record(`export { b } from "../policy/evaluate.ts";`)).toHaveLength(1);
    expect(record(`export const d = () => import("../policy/evaluate.ts");`)).toHaveLength(1);
  });

  it("allows the lists of a vocabulary file where its types are allowed", () => {
    const problems = problemsIn({
      "packages/sdk/src/wire/schema.ts": `import { ACTIONS } from "../policy/result.ts";\nexport const c = ACTIONS;`,
      "packages/sdk/src/policy/result.ts": `export const ACTIONS = [];`,
    });
    expect(problems).toEqual([]);
  });

  it("lets tests and testing/ import anything", () => {
    const problems = problemsIn({
      "packages/sdk/src/call/call.test.ts": `import { b } from "../policy/evaluate.ts";\nexport const a = b;`,
      "packages/sdk/src/testing/index.ts": `export { b } from "../policy/evaluate.ts";`,
      "packages/sdk/src/policy/evaluate.ts": `export const b = 1;`,
    });
    expect(problems).toEqual([]);
  });

  it("does not take text that looks like an import for one", () => {
    const problems = problemsIn({
      "packages/sdk/src/call/call.ts": "// import { b } from '../policy/evaluate.ts';\nexport const a = `\nimport { b } from \"../policy/evaluate.ts\";\n`;",
    });
    expect(problems).toEqual([]);
  });

  it("asks for a place for a new folder", () => {
    expect(problemsIn({ "packages/sdk/src/extra/extra.ts": `export const a = 1;` })).toEqual([
      `packages/sdk/src/extra/extra.ts: "extra" has no place in tools/boundaries.mjs; say there what it may import`,
    ]);
  });

  it("never lets the gateway reach the store or the control plane", () => {
    const problems = problemsIn({
      "packages/server/package.json": JSON.stringify({ dependencies: { "@countersign/sdk": "1" } }),
      "packages/server/src/gateway/front.ts": `import "@countersign/sdk";\nimport "../store/store.ts";\nimport "../control/app.ts";`,
      "packages/server/src/store/store.ts": ``,
      "packages/server/src/control/app.ts": ``,
    });
    expect(problems.map((problem) => problem.replace(/:.*?"gateway"/, ""))).toEqual([
      `packages/server/src/gateway/front.ts must not import "store": ../store/store.ts`,
      `packages/server/src/gateway/front.ts must not import "control": ../control/app.ts`,
    ]);
  });
});

describe("permits", () => {
  const PERMIT = `export const mintPermit = 1;\nexport interface Permit {}`;

  it("are minted by guard.ts only", () => {
    const minting = (path: string, line: string): number =>
      problemsIn({ [path]: line, "packages/sdk/src/execution/permit.ts": PERMIT }).length;
    expect(minting("packages/sdk/src/guard.ts", `import { mintPermit } from "./execution/permit.ts";\nexport const a = mintPermit;`)).toBe(0);
    expect(minting("packages/sdk/src/client.ts", `import type { Permit } from "./execution/permit.ts";\nexport type A = Permit;`)).toBe(0);
    expect(minting("packages/sdk/src/client.ts", `import { mintPermit } from "./execution/permit.ts";\nexport const a = mintPermit;`)).toBe(1);
    expect(minting("packages/sdk/src/execution/send.ts", `import { mintPermit as m } from "./permit.ts";\nexport const a = m;`)).toBe(1);
    expect(minting("packages/sdk/src/execution/send.ts", `import * as permit from "./permit.ts";\nexport const a = permit;`)).toBe(1);
    expect(minting("packages/sdk/src/index.ts", `export { mintPermit } from "./execution/permit.ts";`)).toBe(1);
    expect(minting("packages/sdk/src/index.ts", `export * from "./execution/permit.ts";`)).toBe(1);
    expect(minting("packages/sdk/src/testing/index.ts", `export const a = () => import("../execution/permit.ts");`)).toBe(1);
  });
});

describe("cycles", () => {
  it("are refused between modules that load each other", () => {
    const problems = problemsIn({
      "packages/sdk/src/call/a.ts": `import { b } from "./b.ts";\nexport const a = () => b;`,
      "packages/sdk/src/call/b.ts": `import { c } from "./c.ts";\nexport const b = () => c;`,
      "packages/sdk/src/call/c.ts": `import { a } from "./a.ts";\nexport const c = () => a;`,
    });
    expect(problems).toEqual([
      "cycle: packages/sdk/src/call/a.ts -> packages/sdk/src/call/b.ts -> packages/sdk/src/call/c.ts -> packages/sdk/src/call/a.ts",
    ]);
  });

  it("of types are allowed", () => {
    const problems = problemsIn({
      "packages/sdk/src/call/a.ts": `import type { B } from "./b.ts";\nexport type A = B | 1;`,
      "packages/sdk/src/call/b.ts": `import type { A } from "./a.ts";\nexport type B = A[];`,
    });
    expect(problems).toEqual([]);
  });
});

describe("packages", () => {
  it("must be declared where they are used: tools of the workspace do not count in what is shipped", () => {
    const problems = problemsIn({
      "packages/sdk/src/call/call.ts": `import { z } from "zod/v4";\nimport { it } from "vitest";\nimport "hono";\nimport "fs";\nexport const a = [z, it];`,
      "packages/sdk/src/call/call.test.ts": `import { it } from "vitest";\nexport const a = it;`,
    });
    expect(problems).toEqual([
      "packages/sdk/src/call/call.ts:2: vitest is not a dependency in packages/sdk/package.json",
      "packages/sdk/src/call/call.ts:3: hono is not a dependency in packages/sdk/package.json",
      "packages/sdk/src/call/call.ts:4: write node:fs",
    ]);
  });

  it("are entered by their name, not by their files, except to measure a step, and for what tests are made with", () => {
    const problems = problemsIn({
      "bench/micro.ts": `import "../packages/sdk/src/call/call.ts";`,
      "conformance/black-box.test.ts": `import "../packages/sdk/src/call/fixture/vectors.ts";`,
      "packages/sdk/src/call/fixture/vectors.ts": ``,
      "examples/start/main.ts": `import "@countersign/sdk";\nimport "../../packages/sdk/src/call/call.ts";`,
      "packages/sdk/src/call/call.ts": ``,
    });
    expect(problems).toEqual([
      "examples/start/main.ts:2: reaches into another package: ../../packages/sdk/src/call/call.ts; import it by its name",
    ]);
  });
});
