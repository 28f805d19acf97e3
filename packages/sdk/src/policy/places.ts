/**
 * Where the parts of a document are written: source, line and column. Kept beside the document, which stays plain data.
 * Loading pays for one step per policy; a place is worked out when somebody asks, from the text of that one policy.
 * Remembered by read-document.ts; asked by lint and by evaluation, for a condition that has no answer.
 */
import { parseDocument } from "yaml";
import type { FaultPlace } from "./condition-fault.ts";
import type { PolicyDocument } from "./document.ts";
import type { DocumentPath } from "./explain-issue.ts";
import { offsetOf, offsetWithin } from "./locate.ts";
import { sectionsOfJson, sectionsOfYaml, type Sections } from "./sections.ts";

/** Both count from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

export interface Places {
  /** Names the text: a path, a URL. */
  readonly source: string;
  /** `within` counts UTF-16 units into the text at `path`. Undefined where the document was no text. */
  at(path: DocumentPath, within?: number): Place | undefined;
}

const KNOWN = new WeakMap<PolicyDocument, Places>();

/** Of a document that was read from text or an object; undefined for any other. */
export function placesOf(document: PolicyDocument): Places | undefined {
  return KNOWN.get(document);
}

export function rememberPlaces(document: PolicyDocument, source: string, text?: string, sections?: () => Sections): PolicyDocument {
  KNOWN.set(document, text === undefined || sections === undefined ? { source, at: () => undefined } : new TextPlaces(source, text, sections));
  return document;
}

/** Of a text that was read elsewhere, without a problem: its parts are looked for when somebody asks. */
export function placesOfText(text: string, source: string): Places {
  return new TextPlaces(source, text, () => sectionsOfText(text));
}

function sectionsOfText(text: string): Sections {
  try {
    JSON.parse(text);
    return sectionsOfJson(text);
  } catch {
    return sectionsOfYaml(parseDocument(text, { version: "1.2", logLevel: "silent" }));
  }
}

/** Of the character `offset` of a policy's condition. */
export function conditionPlace(places: Places | undefined, ordinal: number, offset: number): FaultPlace {
  return { source: places?.source ?? "policies", path: `policies[${ordinal}].when`, ...places?.at(["policies", ordinal, "when"], offset) };
}

/** Calls ask for the same few places again and again. */
const MAX_KNOWN = 1_000;

class TextPlaces implements Places {
  readonly source: string;
  readonly #text: string;
  readonly #findSections: () => Sections;
  #sections: Sections | undefined;
  #lineStarts: readonly number[] | undefined;
  readonly #known = new Map<string, Place>();

  constructor(source: string, text: string, sections: () => Sections) {
    this.source = source;
    this.#text = text;
    this.#findSections = sections;
  }

  at(path: DocumentPath, within?: number): Place {
    const key = `${path.join(".")} ${within}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const place = this.#placeOf(this.#offset(path, within) ?? 0);
    if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    this.#known.set(key, place);
    return place;
  }

  #offset(path: DocumentPath, within: number | undefined): number | undefined {
    const { keys, items } = (this.#sections ??= this.#findSections());
    const [first, index] = path;
    const key = keys.get(String(first));
    const isPolicy = first === "policies" && typeof index === "number" && index * 2 < items.length;
    const [begin, end] = isPolicy ? [items[index * 2] ?? 0, items[index * 2 + 1] ?? 0] : (key ?? [0, 0]);
    if (key === undefined) return undefined;
    const { source, lead } = this.#alone(begin, end, isPolicy);
    const document = parseDocument(source, { version: "1.2", logLevel: "silent", uniqueKeys: false });
    const inner = isPolicy ? path.slice(2) : path;
    const found = within === undefined ? offsetOf(document, inner) : offsetWithin(source, document, inner, within);
    return found === undefined ? begin : begin + found - lead;
  }

  /** A part of the text as a document of its own. `lead`: how many characters were put before it. */
  #alone(begin: number, end: number, isPolicy: boolean): { readonly source: string; readonly lead: number } {
    const part = this.#text.slice(begin, end);
    if (isPolicy && part.startsWith("{")) return { source: part, lead: 0 };
    if (this.#text.trimStart().startsWith("{")) return { source: `{${part}}`, lead: 1 };
    // The lines of a block stay below one another only where its first line is indented as it was.
    const lead = begin - this.#text.lastIndexOf("\n", begin - 1) - 1;
    return { source: " ".repeat(lead) + part, lead };
  }

  #placeOf(offset: number): Place {
    const starts = (this.#lineStarts ??= lineStartsOf(this.#text));
    let [low, high] = [0, starts.length];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle;
    }
    return { line: low + 1, column: offset - (starts[low] ?? 0) + 1 };
  }
}

function lineStartsOf(text: string): readonly number[] {
  const starts = [0];
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return starts;
}
