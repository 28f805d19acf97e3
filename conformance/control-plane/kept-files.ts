/** The files that a control plane keeps, as they lie on the disk, and what is found in them. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";

/** Every file below a directory, the database with its log among them. */
export function filesBelow(directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .map((name) => join(directory, name))
    .filter((path) => statSync(path).isFile())
    .toSorted();
}

/** `file: what` for each of these texts that is in one of the files, as it is, in base64, in hex or in UTF-16. */
export function findInFiles(files: readonly string[], texts: ReadonlyMap<string, string>): readonly string[] {
  const found: string[] = [];
  for (const file of files) {
    const bytes = readFileSync(file);
    for (const [what, text] of texts) if (spellingsOf(text).some((spelling) => bytes.includes(spelling))) found.push(`${basename(file)}: ${what}`);
  }
  return found;
}

/** `what` for each that is in a text. */
export function findInText(where: string, texts: ReadonlyMap<string, string>): readonly string[] {
  const bytes = Buffer.from(where);
  return [...texts].filter(([, text]) => spellingsOf(text).some((spelling) => bytes.includes(spelling))).map(([what]) => what);
}

/** Base64 of a text that stands in the middle of another one is different in its first and last letters: the middle is looked for. */
function spellingsOf(text: string): readonly Buffer[] {
  const base64 = [0, 1, 2].map((shift) => Buffer.concat([Buffer.alloc(shift), Buffer.from(text)]).toString("base64").slice(4, -6));
  return [text, ...base64.filter((it) => it.length > 12), Buffer.from(text).toString("hex"), Buffer.from(text).toString("hex").toUpperCase()].map((it) => Buffer.from(it)).concat(Buffer.from(text, "utf16le"));
}
