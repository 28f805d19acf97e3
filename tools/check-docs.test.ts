import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { checkDocs } from "./check-docs.mjs";
import { createTempRepository } from "./temp-repository.ts";

const SOURCE = `import { a } from "a";

export function main() {
  // #region ask
  if (a) {
    a();
  }
  // #endregion
}
`;

let remove = (): void => undefined;
afterEach(() => remove());

function repository(readme: string, more: Readonly<Record<string, string>> = {}): string {
  const made = createTempRepository({ "README.md": readme, "examples/start/main.ts": SOURCE, ...more });
  remove = made.remove;
  return made.root;
}

describe("code blocks", () => {
  it("that equal their region, their file, or are text, are fine", () => {
    const root = repository(
      [
        "```ts file=examples/start/main.ts#ask",
        "if (a) {\n  a();\n}",
        "```",
        "- in a list:",
        "  ```yaml file=policy.yaml",
        "  version: 1",
        "  ```",
        "````text\n```\nnot a block\n```\n````",
        "```console\n$ npm start\n```",
      ].join("\n"),
      { "policy.yaml": "version: 1\n" },
    );
    expect(checkDocs(root)).toEqual([]);
  });

  it("that drift are named, and copied anew with --write", () => {
    const root = repository("# Start\n\n```ts file=examples/start/main.ts#ask\nif (a) {}\n```\n\nmore\n");
    expect(checkDocs(root)).toEqual([
      "README.md:3: differs from examples/start/main.ts#ask; node tools/check-docs.mjs --write copies it",
    ]);
    expect(checkDocs(root, { write: true })).toEqual([]);
    expect(readFileSync(join(root, "README.md"), "utf8")).toBe(
      "# Start\n\n```ts file=examples/start/main.ts#ask\nif (a) {\n  a();\n}\n```\n\nmore\n",
    );
    expect(checkDocs(root)).toEqual([]);
  });

  it("of code without a source, with a missing one, or without a language, are refused", () => {
    const root = repository("```ts\na();\n```\n```sh\nls\n```\n```ts file=gone.ts\n```\n```ts file=examples/start/main.ts#gone\n```\n```\nx\n```\n");
    expect(checkDocs(root).map((problem) => problem.replace(/; use.*/, ""))).toEqual([
      "README.md:11: a code block without a language",
      "README.md:9: examples/start/main.ts#gone is not there",
      "README.md:7: gone.ts is not there",
      "README.md:4: a sh block must name its source: file=<path>[#region]",
      "README.md:1: a ts block must name its source: file=<path>[#region]",
    ]);
  });
});

describe("links", () => {
  it("must lead to a file and to a heading that is there", () => {
    const root = repository(
      "[a](docs/a.md#two-words) [b](docs/b.md) [c](docs/a.md#three) [d](https://example.com) [e](#title)\n# Title\n`[f](nowhere)`\n",
      { "docs/a.md": "## Two `words`!\n[up](../README.md) [out](../../etc/passwd)\n" },
    );
    expect(checkDocs(root)).toEqual([
      "README.md:1: the link docs/b.md leads nowhere",
      "README.md:1: docs/a.md has no heading for #three",
      "docs/a.md:2: the link ../../etc/passwd leads nowhere",
    ]);
  });
});
