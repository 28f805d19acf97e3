/** What is wrong with a document, and what in it is certainly a slip, with places: for the editor, before anything is saved. */
import { PolicyDocumentError } from "@countersign/sdk";
import { lintDocument, policyDigest, readPolicyText, type PolicyDocument } from "@countersign/sdk/policy";
import type { people as wire } from "@countersign/sdk/wire";
import type { z } from "zod";

export type PolicyCheck = z.infer<typeof wire.policyCheck>;

/** Lint takes a moment for each policy; beyond this many, `countersign policy check` is the place for it. */
const MAX_LINTED = 2_000;

/** `approvers`: who exists, so that approvers nobody knows are found. */
export function checkText(text: string, approvers: readonly string[]): PolicyCheck {
  let document: PolicyDocument;
  try {
    document = readPolicyText(text, "policy");
  } catch (error) {
    if (!(error instanceof PolicyDocumentError)) throw error;
    return { ok: false, digest: null, size: 0, problems: error.problems.map((one) => ({ ...one, severity: "error", code: "invalid" })) };
  }
  const { policies } = document;
  return { ok: true, digest: policyDigest(document), size: policies.length, problems: policies.length > MAX_LINTED ? [] : slips(document, approvers) };
}

function slips(document: PolicyDocument, approvers: readonly string[]): PolicyCheck["problems"] {
  return lintDocument(document, { approvers }).map(({ code, line, column, message, mend }) => ({ line: line ?? 1, column: column ?? 1, message, mend, code, severity: "warning" }));
}
