/**
 * From the text of `countersign.yaml` to a gateway's configuration, or to every problem it has, each with its place and its mend. Nothing
 * half right comes out, and no message holds a value that came from a variable. Called by cli/gateway-check.ts and cli/watched-config.ts.
 */
import { dirname, resolve } from "node:path";
import { explainIssue, labelOf, parseDuration, plainValue, readYaml, refusalOf, type DocumentKind, type DocumentPath, type DocumentProblem, type Where } from "@countersign/sdk/policy";
import type { JsonObject, JsonValue } from "@countersign/sdk/call";
import type { PolicyProblem } from "@countersign/sdk";
import type { z } from "zod";
import { fillInVariables, type FilledIn, type MissingVariable } from "./fill-in-variables.ts";
import { DEFAULT_DRAIN_MS, DEFAULT_HOLD_MS, DEFAULT_LIMITS, DEFAULT_LISTEN, type ClientsConfig, type GatewayConfig, type ServerConfig } from "./gateway-config.ts";
import { gatewayDocument, parseListen, type DocumentServer, type GatewayDocument } from "./gateway-document.ts";
import { whyNotJoined } from "./joined-server-name.ts";
import { GATEWAY_WORDS } from "./gateway-words.ts";

/** A document that no gateway runs by. One that was in force before stays in force. */
export class GatewayDocumentError extends Error {
  override readonly name = "GatewayDocumentError";
  readonly problems: readonly PolicyProblem[];

  constructor(source: string, problems: readonly PolicyProblem[]) {
    super(problems.map(({ line, column, message, mend }) => `${source}:${line}:${column}: ${message}${mend === undefined ? "" : ` ${mend}`}`).join("\n"));
    this.problems = problems;
  }
}

const KIND: DocumentKind = { words: GATEWAY_WORDS, refusal: (source, problems) => new GatewayDocumentError(source, problems) };

/** `path`: of the file, as messages name it; paths in it are taken from its folder. Throws GatewayDocumentError. */
export function readGatewayDocument(text: string, path: string, env: NodeJS.ProcessEnv): GatewayConfig {
  const { value, where } = readYaml(text, path, KIND);
  return readValue(plainValue(value, path, where, KIND), where, path, env);
}

/** One server of the document, whatever else is in it and needs. `names`: of all its servers. Throws GatewayDocumentError. */
export function readServerEntry(text: string, path: string, env: NodeJS.ProcessEnv, name: string): { readonly server: ServerConfig | undefined; readonly names: readonly string[] } {
  const { value, where } = readYaml(text, path, KIND);
  const document = plainValue(value, path, where, KIND);
  const servers = memberOf(memberOf(document, "gateway"), "servers");
  const entry = memberOf(servers, name);
  if (entry === undefined) return { server: undefined, names: Object.keys(servers ?? {}) };
  const alone = { version: memberOf(document, "version") ?? null, gateway: { servers: { [name]: entry } } };
  return { server: readValue(alone, where, path, env).servers.get(name), names: [name] };
}

function memberOf(value: JsonValue | undefined, name: string): JsonValue | undefined {
  return value !== null && typeof value === "object" && !Array.isArray(value) && Object.hasOwn(value, name) ? (value as JsonObject)[name] : undefined; // no list: said before
}

function readValue(value: JsonValue, where: Where, path: string, env: NodeJS.ProcessEnv): GatewayConfig {
  const filled = fillInVariables(value, env);
  const checked = gatewayDocument.safeParse(filled.value, { reportInput: true });
  const problems = [
    ...filled.missing.map(explainMissing),
    ...(checked.success ? [] : withoutEchoes(checked.error.issues).flatMap((issue) => explainFilled(issue, filled))),
    ...(checked.success ? [...explainUngoverned(checked.data), ...explainUnjoinable(checked.data)] : []),
  ];
  if (problems.length > 0 || !checked.success) throw refusalOf(path, problems.map(({ path: at, within, ...said }) => ({ ...where(at, within), ...said })), KIND);
  return toConfig(checked.data, dirname(resolve(path)));
}

/** A slip in a key is said as that alone: that the right one is missing follows from it. */
function withoutEchoes(issues: readonly Issue[]): readonly Issue[] {
  const slips = issues.filter(({ code }) => code === "unrecognized_keys");
  return issues.filter((issue) => issue.code !== "custom" || issue.path.length < 3 || slips.every(({ path }) => !isSame(path, issue.path)));
}

function explainMissing({ path, name, isEmpty, within }: MissingVariable): DocumentProblem {
  const label = labelOf(path);
  if (name === undefined) return { path, within, message: `${label} has a \${env:…} that names no variable.`, mend: "Write letters, digits and underscores, such as ${env:GITHUB_TOKEN}." };
  return { path, within, message: `${label} needs the environment variable ${name}, which is ${isEmpty ? "empty" : "not set"}.`, mend: `Set ${name} for the gateway.` };
}

/** A text with a variable in it is quoted as it is written; where one is missing, that is what is said. */
function explainFilled(issue: Issue, { writtenAt, missing }: FilledIn): readonly DocumentProblem[] {
  if (missing.some(({ path }) => isSame(path, issue.path))) return [];
  const written = writtenAt(issue.path);
  const problems = explainIssue(asWritten(issue, [], writtenAt), GATEWAY_WORDS);
  return written === undefined ? problems : problems.map(({ message, ...rest }) => ({ ...rest, message: `${message.replace(/[.]$/, "")}, once \${env:…} is filled in.` }));
}

type Issue = z.core.$ZodIssue;

/** The paths of the issues inside a choice begin where the choice is. */
function asWritten(issue: Issue, above: DocumentPath, writtenAt: FilledIn["writtenAt"]): Issue {
  const path = [...above, ...issue.path];
  const written = writtenAt(path);
  const errors = issue.code === "invalid_union" ? { errors: issue.errors.map((branch) => branch.map((one) => asWritten(one, path, writtenAt))) } : {};
  // The same issue about another input: its kind stays what it was.
  return { ...issue, ...errors, ...(written === undefined ? {} : { input: written }) } as Issue;
}

function isSame(a: DocumentPath, b: DocumentPath): boolean {
  return a.length === b.length && a.every((step, index) => step === b[index]);
}

/** Without people to ask and without a policy nothing would ever run. */
function explainUngoverned({ gateway }: GatewayDocument): readonly DocumentProblem[] {
  if (gateway.controlPlane !== "none" || gateway.policies !== undefined) return [];
  return Object.entries(gateway.servers)
    .filter(([, { policies }]) => policies === undefined)
    .map(([name]) => ({ path: ["gateway", "servers", name], message: `gateway.servers.${name} has no policies, and there is no control plane that has some.`, mend: "Write `policies: FILE` here or under `gateway`." }));
}

/** Nothing makes two names on the wire one. */
function explainUnjoinable({ gateway: { join = true, servers } }: GatewayDocument): readonly DocumentProblem[] {
  if (!join || Object.keys(servers).length < 2) return [];
  return Object.entries(servers).flatMap(([name, server]) => {
    const why = server.join === false ? undefined : whyNotJoined(name);
    const mend = `Give it another name, or write \`join: false\` in it: then it is at /${name}/mcp alone.`;
    return why === undefined ? [] : [{ path: ["gateway", "servers", name], message: `gateway.servers.${name} ${why}.`, mend }];
  });
}

function toConfig({ gateway }: GatewayDocument, folder: string): GatewayConfig {
  const { listen, publicUrl, servers, controlPlane, agent, drain, allowedHosts, allowedOrigins, limits } = gateway;
  return {
    listen: (listen === undefined ? undefined : parseListen(listen)) ?? DEFAULT_LISTEN,
    publicUrl: publicUrl === undefined ? undefined : new URL(publicUrl),
    servers: new Map(Object.entries(servers).map(([name, server]) => [name, toServer(name, server, gateway, folder)])),
    join: gateway.join ?? true,
    controlPlane,
    clients: toClients(gateway.clients),
    agent: agent ?? "",
    drainMs: msOf(drain) ?? DEFAULT_DRAIN_MS,
    allowedHosts: allowedHosts ?? [],
    allowedOrigins: allowedOrigins ?? [],
    limits: { ...DEFAULT_LIMITS, ...limits } as GatewayConfig["limits"], // a key that is not written is absent, never undefined
  };
}

function toServer(name: string, server: DocumentServer, gateway: GatewayDocument["gateway"], folder: string): ServerConfig {
  const { command, args, env, cwd, url, transport, headers, oauth } = server;
  const policies = server.policies ?? gateway.policies;
  return {
    name,
    upstream:
      url === undefined
        ? { kind: "stdio", command: command ?? "", args: args ?? [], env: env ?? {}, cwd: resolve(folder, cwd ?? ".") }
        : { kind: "http", url, transport: transport ?? "auto", headers: headers ?? {}, oauth: oauth ?? true },
    policies: policies === undefined ? undefined : resolve(folder, policies),
    holdMs: msOf(server.hold) ?? msOf(gateway.hold) ?? DEFAULT_HOLD_MS,
    unknownMethods: server.unknownMethods ?? gateway.unknownMethods ?? "pass",
    join: server.join ?? true,
  };
}

function toClients(given: GatewayDocument["gateway"]["clients"]): ClientsConfig {
  if (typeof given !== "object") return { local: given !== "required", keys: true, oauth: undefined };
  return { local: given.local ?? true, keys: given.keys ?? true, oauth: given.oauth };
}

function msOf(duration: string | undefined): number | undefined {
  return duration === undefined ? undefined : parseDuration(duration);
}
