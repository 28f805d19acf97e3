// What a source file imports, read with a real parser: comments, strings and templates that look like imports are not.
import { parseSync } from "oxc-parser";

/**
 * `typeOnly`: the statement is erased (`import type`, `export type`); `import { type X }` is not, it still loads the
 * module. `names`: what is imported, `*` for the whole module.
 * @typedef {{ specifier: string, typeOnly: boolean, names: readonly string[], line: number }} Import
 */

/**
 * @param {string} path its ending tells the language
 * @param {string} source
 * @returns {readonly Import[]}
 * @throws {Error} if the file does not parse
 */
export function readImports(path, source) {
  const { module, errors } = parseSync(path, source);
  const [error] = errors;
  if (error !== undefined) throw new Error(`${path} does not parse: ${error.message}`);
  /** @param {number} offset */
  const lineOf = (offset) => source.slice(0, offset).split("\n").length;

  /** @type {Import[]} */
  const found = module.staticImports.map(({ start, end, moduleRequest, entries }) => ({
    specifier: moduleRequest.value,
    typeOnly: /^import\s+type\b/.test(source.slice(start, end)),
    // Only the import of a whole module and the default import have no name here; both count as everything.
    names: entries.map(({ importName }) => importName.name ?? "*"),
    line: lineOf(start),
  }));
  for (const { start, end, entries } of module.staticExports) {
    const [first] = entries;
    const specifier = first?.moduleRequest?.value;
    if (specifier === undefined) continue;
    const names = entries.map(({ importName }) => importName.name ?? "*");
    found.push({ specifier, typeOnly: /^export\s+type\b/.test(source.slice(start, end)), names, line: lineOf(start) });
  }
  for (const { start, moduleRequest } of module.dynamicImports) {
    const text = source.slice(moduleRequest.start, moduleRequest.end);
    const specifier = /^(["'`])([^$]*)\1$/.exec(text)?.[2];
    if (specifier !== undefined) found.push({ specifier, typeOnly: false, names: ["*"], line: lineOf(start) });
  }
  return found;
}
