/** Why a part of a condition has no value. A plain object and no Error: macros absorb thousands of them in one evaluation. */
export class Fault {
  readonly message: string;
  /** UTF-16 units into the source; -1 until the node that met it is known. */
  readonly offset: number;
  /** The dotted path that is missing, where that is the cause. */
  readonly field: string | undefined;

  constructor(message: string, offset = -1, field?: string) {
    this.message = message;
    this.offset = offset;
    this.field = field;
  }
}

/** The same fault, at `offset` where it had no place yet. */
export function faultAt(fault: Fault, offset: number): Fault {
  return fault.offset === -1 ? new Fault(fault.message, offset, fault.field) : fault;
}

/** Why a condition is refused when it is loaded. Thrown inside the compiler alone; compileCondition returns it. */
export class LoadFault extends Error {
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}
