/**
 * From text or object to a policy document, or to every problem it has, each with its place and its mend.
 * Nothing half right comes out, and nothing that is written can hang or crash it. Called by policy-store.ts.
 */
import type { JsonValue } from "../call/json.ts";
import { parseStrictJson } from "../call/strict-json.ts";
import { PolicyDocumentError } from "../errors.ts";
import { compileCondition } from "./condition/condition.ts";
import { policyDocument, type PolicyDocument } from "./document.ts";
import { rememberPlaces } from "./places.ts";
import { isPlainDocument } from "./plain-document.ts";
import { POLICY_WORDS } from "./policy-words.ts";
import { checkValue, plainValue, readYaml, START, type DocumentKind, type Where } from "./read-yaml.ts";
import { sectionsOfJson, sectionsOfYaml } from "./sections.ts";
import { MAX_TEXT } from "./text-limit.ts";

const POLICY: DocumentKind = { words: POLICY_WORDS, refusal: (source, problems) => new PolicyDocumentError(source, problems) };

/** Reads YAML 1.2 or JSON. `source` names the text in errors. Throws PolicyDocumentError. */
export function readPolicyText(text: string, source: string): PolicyDocument {
  if (text.length <= MAX_TEXT && /^\s*\{/.test(text)) {
    // JSON is YAML too, but large documents are read some fifty times faster as what they are.
    const json = parseStrictJson(text, { maxBytes: MAX_TEXT });
    if (json.ok && (isPlain(json.value) || policyDocument.safeParse(json.value).success)) return rememberPlaces(inCanonicalOrder(json.value), source, text, () => sectionsOfJson(text));
  }
  const { value, document, where } = readYaml(text, source, POLICY);
  const checked = check(value, source, where);
  const sections = sectionsOfYaml(document); // now: the tree of nodes is some twenty times as large as the text
  return rememberPlaces(checked, source, text, () => sections);
}

/** Reads a document given as an object. It is copied, so later changes to the object change nothing. Throws PolicyDocumentError. */
export function readPolicyObject(value: unknown, source = "policies"): PolicyDocument {
  return rememberPlaces(check(value, source, () => START), source);
}

function check(value: unknown, source: string, where: Where): PolicyDocument {
  const copied = plainValue(value, source, where, POLICY);
  if (!isPlain(copied)) checkValue(copied, source, where, policyDocument, POLICY);
  return inCanonicalOrder(copied);
}

function isPlain(value: JsonValue): value is JsonValue & PolicyDocument {
  return isPlainDocument(value, (condition) => compileCondition(condition).ok);
}

/** A value that the schema has accepted is a document. The schema's own copy has its keys in another order, and so another digest. */
function inCanonicalOrder(value: JsonValue): PolicyDocument {
  return value as unknown as PolicyDocument;
}
