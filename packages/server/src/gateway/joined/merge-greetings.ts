/**
 * What the joined server says of itself: what its servers declared, as one. Lists may always change, since servers come and go; what cannot
 * be told apart by whose it is, such as experiments of their own, is not declared.
 */
import { snapshotObject, type JsonObject, type JsonValue } from "@countersign/sdk/call";
import { isObject, memberOf } from "../message/members.ts";
import { SEPARATOR } from "../../config/joined-server-name.ts";

export interface Greeted {
  readonly name: string;
  readonly capabilities: JsonObject;
  readonly instructions: string | undefined;
}

export interface Absent {
  readonly name: string;
  /** For people. */
  readonly why: string;
}

const MAX_INSTRUCTIONS = 8_000;
const INFO = { name: "countersign", title: "Countersign: several servers, joined", version: "1" };

/** What one of them declares: nothing, where it is nested too deep or could be read in several ways, since it is written into what all say. */
export function declaredIn(capabilities: unknown): JsonObject {
  const read = snapshotObject(capabilities);
  return read.ok ? read.value : {};
}

/** Of `initialize`. */
export function sessionGreeting(protocolVersion: string, servers: readonly Greeted[], absent: readonly Absent[]): JsonObject {
  const tasks = tasksOf(servers);
  return { protocolVersion, capabilities: { ...capabilitiesOf(servers), ...(absent.length > 0 ? { completions: {} } : {}), logging: {}, ...(tasks === undefined ? {} : { tasks }) }, serverInfo: INFO, instructions: instructionsOf(servers, absent) };
}

/** Of `server/discover`. */
export function statelessGreeting(version: string, servers: readonly Greeted[], absent: readonly Absent[]): JsonObject {
  const extensions = merged(servers.map(({ capabilities }) => memberOf(memberOf(capabilities, "extensions"), TASKS_EXTENSION)));
  return {
    resultType: "complete",
    supportedVersions: [version],
    capabilities: { ...capabilitiesOf(servers), ...(servers.some(({ capabilities }) => memberOf(capabilities, "logging") !== undefined) ? { logging: {} } : {}), ...(extensions === undefined ? {} : { extensions: { [TASKS_EXTENSION]: extensions } }) },
    instructions: instructionsOf(servers, absent),
    ttlMs: 0,
    cacheScope: "private",
    _meta: { "io.modelcontextprotocol/serverInfo": INFO },
  };
}

const TASKS_EXTENSION = "io.modelcontextprotocol/tasks";

function capabilitiesOf(servers: readonly Greeted[]): JsonObject {
  const has = (...path: readonly string[]): boolean => servers.some(({ capabilities }) => path.reduce<JsonValue | undefined>(memberOf, capabilities) !== undefined);
  const subscribes = servers.some(({ capabilities }) => memberOf(memberOf(capabilities, "resources"), "subscribe") === true);
  return { tools: { listChanged: true }, prompts: { listChanged: true }, resources: { listChanged: true, subscribe: subscribes }, ...(has("completions") ? { completions: {} } : {}) };
}

function tasksOf(servers: readonly Greeted[]): JsonObject | undefined {
  return merged(servers.map(({ capabilities }) => memberOf(capabilities, "tasks")));
}

/** Whatever one of them has. */
function merged(values: readonly (JsonValue | undefined)[]): JsonObject | undefined {
  const objects = values.filter(isObject);
  if (objects.length === 0) return undefined;
  const keys = new Set(objects.flatMap((object) => Object.keys(object)));
  return Object.fromEntries([...keys].map((key) => [key, merged(objects.map((object) => object[key])) ?? objects.find((object) => object[key] !== undefined)?.[key] ?? {}]));
}

function instructionsOf(servers: readonly Greeted[], absent: readonly Absent[]): string {
  const intro = `Several servers, joined. A tool's or prompt's name begins with the name of its server and ${SEPARATOR}. Servers: ${servers.map(({ name }) => name).join(", ") || "none yet"}.`;
  const missing = absent.map(({ name, why }) => `${name} is not there now: ${why}.`);
  const own = servers.flatMap(({ name, instructions }) => (instructions === undefined || instructions.trim() === "" ? [] : [`What ${name} says of itself:\n${instructions.slice(0, MAX_INSTRUCTIONS)}`]));
  return [intro, ...missing, ...own].join("\n\n");
}
