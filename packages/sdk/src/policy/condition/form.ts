/** A function of the language, in one of its forms: how it is written, what it takes, and how it is worked out. */
import { Fault } from "./fault.ts";
import type { Run } from "./run.ts";
import type { Kind, Value } from "./value.ts";

/** Its values are of the kinds that the form takes; whoever calls it has looked. */
export type Apply = (run: Run, ...values: readonly Value[]) => Value | Fault;

export interface Form {
  readonly name: string;
  /** `text.size()` rather than `size(text)`; the receiver is the first parameter. */
  readonly method: boolean;
  readonly params: readonly (readonly Kind[])[];
  readonly returns: Kind;
  /** Parameters that have to be written out, so that they are checked and prepared at load. */
  readonly literals: readonly number[];
  /** `literals[i]` is what parameter `i` is written as, if it is written out. A Fault refuses the condition. */
  bind(literals: readonly (string | undefined)[]): Apply | Fault;
}

export function plainForm(name: string, method: boolean, params: Form["params"], returns: Kind, apply: Apply): Form {
  return { name, method, params, returns, literals: [], bind: () => apply };
}

/** A form of strings alone. */
export function textForm(name: string, method: boolean, count: 1 | 2, returns: Kind, apply: (run: Run, text: string, other: string) => Value | Fault): Form {
  const params: Form["params"] = count === 1 ? [TEXT] : [TEXT, TEXT];
  return plainForm(name, method, params, returns, (run, text, other) => apply(run, textOf(text), textOf(other)));
}

export const TEXT: readonly Kind[] = ["string"];

/** A value that is known to be a string. */
export function textOf(value: Value | undefined): string {
  return typeof value === "string" ? value : "";
}

/** What `read` returns, or its TypeError as a Fault. */
export function readOrFault<T>(read: () => T): T | Fault {
  try {
    return read();
  } catch (error) {
    if (error instanceof TypeError) return new Fault(error.message);
    throw error;
  }
}
