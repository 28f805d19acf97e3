/** What is wrong with a text that is no YAML, for people who write policies and not parsers. */
import type { ErrorCode, YAMLError } from "yaml";

/** A problem of a text; `offset` is in UTF-16 code units. */
export interface TextProblem {
  readonly offset: number;
  readonly message: string;
  readonly mend?: string;
}

/** Every key that is written twice, and the first thing that is no YAML: what comes after it is mostly its consequence. */
export function explainYaml(text: string, errors: readonly YAMLError[]): readonly TextProblem[] {
  const sorted = errors.toSorted((a, b) => a.pos[0] - b.pos[0]);
  const tooDeep = sorted.find(({ code }) => code === "RESOURCE_EXHAUSTION");
  if (tooDeep !== undefined) return [{ offset: tooDeep.pos[0], message: "lists or maps are nested too deeply here.", mend: "A policy document has at most 64 levels." }];
  const syntax = sorted.find(({ code }) => code !== "DUPLICATE_KEY");
  return sorted.filter((error) => error === syntax || error.code === "DUPLICATE_KEY").map((error) => explain(text, error));
}

export const UNQUOTED_STAR = { message: 'a text that begins with * must be in quotes, such as "*".', mend: "Without quotes it names a YAML anchor, and there is none of that name." };

function explain(text: string, { code, message, pos: [offset] }: YAMLError): TextProblem {
  const first = text[offset];
  if (first === "*") return { offset, ...UNQUOTED_STAR };
  if (code === "DUPLICATE_KEY") return { offset, message: `the key ${JSON.stringify(wordAt(text, offset))} is written twice in one map.`, mend: "Keep one of them." };
  const known = BY_MESSAGE.find(([pattern]) => pattern.test(message))?.[1] ?? BY_CODE[code];
  return known === undefined ? { offset, message: `this is not YAML: ${message}.` } : { offset, ...known };
}

function wordAt(text: string, offset: number): string {
  return /[^:\n]{1,60}/y.exec(text.slice(offset, offset + 60))?.[0].trim().replaceAll(/^["']|["']$/g, "") ?? "";
}

type Said = Pick<TextProblem, "message" | "mend">;

const INDENTATION: Said = { message: "the indentation does not fit.", mend: "The items of one list or map begin in the same column, and what belongs to them further in." };
const COMMA: Said = { message: "a comma or a closing bracket is missing before this.", mend: "Between { } and [ ] items are separated by commas." };
const KEY_ALONE: Said = { message: "a key without a value.", mend: 'Write "key: value" on one line.' };

/** One code of the parser stands for many things; its own words tell some of them apart. */
const BY_MESSAGE: readonly (readonly [RegExp, Said])[] = [
  [/^Missing closing/, { message: "a quote that was opened before this is never closed.", mend: "Close it." }],
  [/must be sufficiently indented and end with/, { message: "a bracket that was opened before this is not closed, or what is in it is not indented.", mend: "Close it with ] or }." }],
  [/without - indicator|same column/, INDENTATION],
  [/^Missing ,/, COMMA],
  [/^Implicit map keys/, KEY_ALONE],
];

const BY_CODE: { readonly [code in ErrorCode]?: Said } = {
  BAD_DQ_ESCAPE: { message: 'this escape is unknown in a text in "double" quotes.', mend: "Use 'single' quotes, in which a backslash is a backslash." },
  BAD_INDENT: INDENTATION,
  BAD_SCALAR_START: { message: "a plain text cannot begin with this character.", mend: "Put the text in quotes." },
  BLOCK_AS_IMPLICIT_KEY: { message: 'there is one ": " too many on this line, or the next line is indented too far.', mend: "Put a text that contains a colon in quotes." },
  BLOCK_IN_FLOW: COMMA,
  MULTILINE_IMPLICIT_KEY: KEY_ALONE,
  MULTIPLE_DOCS: { message: "a second document begins here.", mend: "Remove the line ---; a file holds one document." },
  NON_STRING_KEY: { message: "a key must be text.", mend: "Put it in quotes." },
  TAB_AS_INDENT: { message: "a tab is used to indent.", mend: "Use spaces." },
  TAG_RESOLVE_FAILED: { message: "a text that begins with ! must be in quotes.", mend: "Without quotes it is a YAML tag, and policies have none." },
  UNEXPECTED_TOKEN: { message: "this does not belong here.", mend: "Look at the brackets, quotes and indentation before it." },
};
