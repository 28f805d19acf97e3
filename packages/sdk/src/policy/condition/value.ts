/** The values a condition computes with: JSON, instants, spans of time and types. Numbers are one kind, IEEE doubles. */

export class Timestamp {
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly ms: number;

  constructor(ms: number) {
    this.ms = ms;
  }
}

export class Duration {
  readonly ms: number;

  constructor(ms: number) {
    this.ms = ms;
  }
}

export class TypeName {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

export interface ValueMap {
  readonly [key: string]: Value;
}

export type Value = null | boolean | number | string | Timestamp | Duration | TypeName | readonly Value[] | ValueMap;

export type Kind = "null" | "bool" | "number" | "string" | "list" | "map" | "timestamp" | "duration" | "type";

/** What CEL calls each kind in declarations. */
export const CEL_TYPES: Readonly<Record<Kind, string>> = {
  null: "null",
  bool: "bool",
  number: "double",
  string: "string",
  list: "list",
  map: "map",
  timestamp: "google.protobuf.Timestamp",
  duration: "google.protobuf.Duration",
  type: "type",
};

export function kindOf(value: Value): Kind {
  if (typeof value === "string") return "string";
  if (typeof value === "number") return "number";
  if (typeof value === "boolean") return "bool";
  if (value === null) return "null";
  if (isList(value)) return "list";
  if (value instanceof Timestamp) return "timestamp";
  if (value instanceof Duration) return "duration";
  return value instanceof TypeName ? "type" : "map";
}

/** Array.isArray, which does not narrow readonly arrays. */
export function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

export function isMap(value: Value): value is ValueMap {
  return typeof value === "object" && value !== null && kindOf(value) === "map";
}
