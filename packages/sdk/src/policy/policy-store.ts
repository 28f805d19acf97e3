/**
 * The document in force. A new one replaces the old as a whole once it was read without a problem; a broken one changes
 * nothing and is loud. Before the first good one there is no policy, and guard.ts refuses every call.
 */
import { hash } from "node:crypto";
import type { Call } from "../call/call.ts";
import type { Finding, InspectionAction } from "../inspection/inspection.ts";
import { PolicyDocumentError } from "../errors.ts";
import { compileDocument, type CompiledDocument } from "./compile.ts";
import type { PolicyDocument } from "./document.ts";
import { evaluate, type Counters, type EvaluateOptions, type Verdict } from "./evaluate.ts";
import type { PolicyContent, PolicySource } from "./policy-source.ts";
import { readPolicyObject, readPolicyText } from "./read-document.ts";
import { TokenBuckets } from "./token-buckets.ts";

/** The policy step as guard.ts sees it. */
export interface PolicyPort {
  /** Undefined once a document is in force; before that, a promise that ends when the first load has. */
  readonly loading: Promise<void> | undefined;
  /** Rises with every document that came into force. */
  readonly generation: number;
  findingAction(finding: Finding): InspectionAction;
  /** Undefined while no document is in force. */
  evaluate(call: Call, findings: readonly Finding[], options: EvaluateOptions): Verdict | undefined;
}

export interface PolicyEvent {
  readonly event: "policy_activated" | "policy_refused";
  readonly source: string;
  /** Policies in the document. */
  readonly size?: number;
  /** Hex SHA-256 of the document's JSON text. */
  readonly digest?: string;
  readonly problem?: string;
}

export interface PolicyStore extends PolicyPort {
  /** What is in force, for health and `doctor`. `problem` is the last document that was refused. */
  status(): { readonly generation: number; readonly size: number; readonly digest: string | null; readonly problem: string | undefined };
  close(): void;
}

/** Opens a source. A synchronous source that delivers a broken document throws PolicyDocumentError here. */
export function openPolicyStore(source: PolicySource, onEvent: (event: PolicyEvent) => void): PolicyStore {
  let compiled: CompiledDocument | undefined;
  let digest: string | null = null;
  let generation = 0;
  let problem: string | undefined;
  let loading: Promise<void> | undefined;
  let closed = false;
  let asked = 0;
  const counters: Counters = { enforced: new TokenBuckets(), observed: new TokenBuckets() };

  function activate(content: PolicyContent): void {
    const document = read(content, source.name);
    const text = JSON.stringify(document);
    const next = hash("sha256", text, "hex");
    problem = undefined;
    if (next === digest) return;
    compiled = compileDocument(document);
    digest = next;
    generation += 1;
    onEvent({ event: "policy_activated", source: source.name, size: compiled.size, digest });
  }

  function refuse(error: unknown): void {
    problem = error instanceof PolicyDocumentError ? error.message : `${source.name}: cannot be loaded: ${error instanceof Error ? error.message : String(error)}`;
    onEvent({ event: "policy_refused", source: source.name, problem });
  }

  async function reload(): Promise<void> {
    const turn = ++asked;
    try {
      const content = await source.load();
      if (!closed && turn === asked) activate(content); // an older answer that comes late is not news
    } catch (error) {
      if (!closed && turn === asked) refuse(error);
    }
  }

  const first = source.load();
  if (first instanceof Promise) {
    loading = first.then(activate).catch(refuse).finally(() => (loading = undefined));
  } else {
    activate(first);
  }
  const unwatch = source.watch?.(() => void reload());

  return {
    get loading() {
      return loading;
    },
    get generation() {
      return generation;
    },
    findingAction: ({ group, type, direction }) => compiled?.findingAction(group, type, direction) ?? "block",
    evaluate: (call, findings, options) => (compiled === undefined ? undefined : evaluate(call, findings, compiled, counters, options)),
    status: () => ({ generation, size: compiled?.size ?? 0, digest, problem }),
    close() {
      closed = true;
      unwatch?.();
    },
  };
}

function read(content: PolicyContent, name: string): PolicyDocument {
  if (content !== null && typeof content === "object" && "text" in content && typeof content.text === "string") return readPolicyText(content.text, name);
  return readPolicyObject(content, name);
}
