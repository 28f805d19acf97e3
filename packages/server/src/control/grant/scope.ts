/**
 * What a standing grant covers: these very arguments, or those that differ in free places alone. A place that is not named free
 * is pinned, also one that did not exist when the grant was given: it is never wider than what was looked at. Pure.
 */
import { hash } from "node:crypto";
import type { JsonObject, JsonValue } from "@countersign/sdk";
import { canonicalJson } from "@countersign/sdk/call";
import type { StandingGrant } from "../../store/entity/directory.ts";
import type { BoundText } from "../request/bound-text.ts";

export type Scope = StandingGrant["scope"];
type Pinned = { readonly [pointer: string]: JsonValue };

/** The scope that leaves these JSON Pointers (RFC 6901, into the arguments) free, or why there is none. */
export function scopeOf(bound: BoundText, callDigest: string, free: readonly string[]): Scope | string {
  if (free.length === 0) return { kind: "exact", callDigest };
  const unknown = free.find((pointer) => !hasPointer(bound.arguments, pointer));
  if (unknown !== undefined) return "One of the places that are to be free is none of the arguments.";
  const pinned = pinnedOf(bound, free);
  // Of a container that only stands for what is free in it nothing is pinned.
  if (!Object.keys(pinned).some((pointer) => pointer.startsWith("/arguments/") && !free.some((one) => `/arguments${one}`.startsWith(`${pointer}/`)))) return "A grant pins at least one argument.";
  return { kind: "pattern", pinnedDigest: digestOf(pinned), free };
}

export function isCovered(scope: Scope, bound: BoundText, callDigest: string): boolean {
  if (scope.kind === "exact") return scope.callDigest === callDigest;
  return digestOf(pinnedOf(bound, scope.free)) === scope.pinnedDigest;
}

function digestOf(pinned: Pinned): string {
  return hash("sha256", `countersign/grant/v1\0${canonicalJson(pinned)}`, "hex");
}

/** Values by pointer into `{ arguments, context }`: whole where nothing inside is free. A container with free places inside is there as an empty one. */
function pinnedOf({ arguments: args, context }: Pick<BoundText, "arguments" | "context">, free: readonly string[]): Pinned {
  const pinned: Record<string, JsonValue> = { "/context": context };
  pin(args, "/arguments", free.map((pointer) => `/arguments${pointer}`), pinned);
  return pinned;
}

function pin(value: JsonValue, at: string, free: readonly string[], pinned: Record<string, JsonValue>): void {
  if (free.includes(at)) return;
  if (value === null || typeof value !== "object" || !free.some((pointer) => pointer.startsWith(`${at}/`))) {
    pinned[at] = value;
    return;
  }
  pinned[at] = isArray(value) ? [] : {};
  for (const [key, member] of Object.entries(value)) pin(member, `${at}/${escapeKey(key)}`, free, pinned);
}

function hasPointer(args: JsonObject, pointer: string): boolean {
  if (!pointer.startsWith("/")) return false;
  let value: JsonValue = args;
  for (const part of pointer.slice(1).split("/")) {
    const key = part.replaceAll("~1", "/").replaceAll("~0", "~");
    if (value === null || typeof value !== "object" || !Object.hasOwn(value, key)) return false;
    // Its own member, just seen.
    value = (value as { readonly [key: string]: JsonValue })[key] as JsonValue;
  }
  return true;
}

function escapeKey(key: string): string {
  return key.replaceAll("~", "~0").replaceAll("/", "~1");
}

function isArray(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}
