/**
 * The judge of what approval handlers answer: the one place that says whether a value is a yes.
 * It must never coerce truthiness (a forgotten `await` would approve), never run code of the value (a getter may say
 * yes once and no the next time), never throw, and never quote what came back. Called by guard.ts and the combinators.
 */
import { types } from "node:util";
import { ApprovalDecision } from "./decision.ts";

/** `what` names what came back by kind, such as "undefined" or "a string inside approved"; it holds no value. */
export type JudgedAnswer =
  | { readonly kind: "decision"; readonly decision: ApprovalDecision }
  | { readonly kind: "malformed"; readonly what: string };

/**
 * Pure and total. `true`, `false`, an ApprovalDecision and a plain object count where `approved` is an own data property
 * that is exactly true or false; all else is malformed. A time-out is returned with `approved: false`, whatever it said.
 */
export function judgeAnswer(answer: unknown): JudgedAnswer {
  try {
    if (typeof answer === "boolean") return decided({ approved: answer });
    if (typeof answer !== "object" || answer === null || types.isProxy(answer)) return malformed(kindOf(answer));
    return judgeObject(answer);
  } catch {
    // Reached through a prototype that is a Proxy, whose traps may throw.
    return malformed("an object that cannot be read");
  }
}

function judgeObject(answer: object): JudgedAnswer {
  if (!mayCarryDecision(answer)) return malformed(kindOf(answer));
  // An own `then` makes it a thenable: what it would settle to is unknown.
  if (Object.hasOwn(answer, "then")) return malformed("a thenable");
  const approved = readOwn(answer, "approved");
  if (approved.kind === "absent") return malformed("an object without approved");
  if (approved.kind === "accessor") return malformed("an object whose approved is an accessor");
  if (typeof approved.value !== "boolean") return malformed(`${kindOf(approved.value)} inside approved`);

  const timedOut = readOwn(answer, "timedOut");
  if (timedOut.kind === "accessor") return malformed("an object whose timedOut is an accessor");
  const late = timedOut.kind === "data" ? timedOut.value : undefined;
  if (late !== undefined && typeof late !== "boolean") return malformed(`${kindOf(late)} inside timedOut`);

  return decided({ approved: approved.value && late !== true, timedOut: late === true, ...describe(answer) });
}

/** The class of the answer: our decision (also another copy's), or a plain object. */
function mayCarryDecision(answer: object): boolean {
  if (Array.isArray(answer) || types.isBoxedPrimitive(answer)) return false;
  const prototype: unknown = Object.getPrototypeOf(answer);
  return prototype === null || prototype === Object.prototype || ApprovalDecision.isDecision(answer);
}

interface Description {
  approver?: string;
  reason?: string;
  channel?: string;
  human?: boolean;
  elapsedSeconds?: number;
}

/** The fields that only describe. Of the wrong type they are dropped: they must not turn a person's answer around. */
function describe(answer: object): Description {
  const description: Description = {};
  for (const key of ["approver", "reason", "channel"] as const) {
    const value = readData(answer, key);
    if (typeof value === "string") description[key] = value;
  }
  const human = readData(answer, "human");
  if (typeof human === "boolean") description.human = human;
  const elapsed = readData(answer, "elapsedSeconds");
  if (typeof elapsed === "number" && Number.isFinite(elapsed) && elapsed >= 0) description.elapsedSeconds = elapsed;
  return description;
}

type Own = { readonly kind: "data"; readonly value: unknown } | { readonly kind: "accessor" } | { readonly kind: "absent" };

function readOwn(object: object, key: string): Own {
  const descriptor = Object.getOwnPropertyDescriptor(object, key);
  if (descriptor === undefined) return { kind: "absent" };
  // hasOwn, because `in` would see a `value` that someone put on Object.prototype.
  return Object.hasOwn(descriptor, "value") ? { kind: "data", value: descriptor.value } : { kind: "accessor" };
}

function readData(object: object, key: string): unknown {
  const own = readOwn(object, key);
  return own.kind === "data" ? own.value : undefined;
}

interface DecidedFields extends Description {
  readonly approved: boolean;
  readonly timedOut?: boolean;
}

function decided(fields: DecidedFields): JudgedAnswer {
  // Without a prototype, so that the constructor reads nothing that was put on Object.prototype.
  const own: DecidedFields = Object.assign(Object.create(null), fields);
  return { kind: "decision", decision: new ApprovalDecision(own) };
}

function malformed(what: string): JudgedAnswer {
  return { kind: "malformed", what };
}

/** Names a value by kind, with nothing of its contents. */
function kindOf(value: unknown): string {
  if (value === undefined) return "undefined";
  if (value === null) return "null";
  if (types.isProxy(value)) return "a Proxy";
  if (types.isPromise(value)) return "a Promise";
  if (typeof value === "function") return "a function";
  if (typeof value !== "object") return `a ${typeof value}`;
  if (Array.isArray(value)) return "an array";
  if (types.isBoxedPrimitive(value)) return "a boxed primitive";
  if (types.isNativeError(value)) return "an Error";
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype ? "an object" : "an instance of a class";
}
