/**
 * `countersign.yaml`, the document of a gateway before many servers, as a schema: one place that says which keys and values exist, what
 * they mean and what to write instead. Policies are documents of their own, which this one names. Read by read-gateway-document.ts.
 */
import { parseDuration } from "@countersign/sdk/policy";
import { z } from "zod";

/** What a name in a path and in policy ids may be. */
const SERVER_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$/;
const CANARY_NAME = "countersign-canary";
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const ENV_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** The gateway's own, or the transport's: whoever sets them breaks the exchange or another's session. */
const RESERVED_HEADERS = new Set(["accept", "connection", "content-length", "content-type", "host", "keep-alive", "last-event-id", "mcp-method", "mcp-name", "mcp-protocol-version", "mcp-session-id", "te", "trailer", "transfer-encoding", "upgrade"]);

// Messages of texts that may hold `${env:…}` never begin with "must be": then the value would be quoted in them.
const text = z.string().min(1);
const printable = text.refine((value) => !/[\u0000-\u001f\u007f]/.test(value), { error: "has a line break or another control character in it" });
const url = text.refine((value) => isHttpUrl(value), { error: "is no address that begins with https:// or http://, without user name, password and fragment" });
const duration = z.string().refine((value) => parseDuration(value) !== undefined, { error: "must be a duration such as 30s, 5m or 1h" });
const file = text.meta({ format: "path" });
const host = z.string().regex(/^(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+)$/, { error: "is no name of a host such as mcp.example.com, without a port" });
const origin = z.string().refine((value) => URL.canParse(value) && new URL(value).origin === value, { error: "is no origin such as https://app.example.com, without a path" });
const listen = z.string().refine((value) => parseListen(value) !== undefined, { error: "is no HOST:PORT such as 127.0.0.1:7434" });
const count = (most: number) => z.number().int().min(1).max(most);

const upstreamOAuth = z.strictObject({
  clientId: text.meta({ description: "The gateway's client id there." }),
  clientSecret: text.meta({ description: "Its secret, such as ${env:CLIENT_SECRET}." }),
  issuer: url.meta({ description: "The authorization server that may see the secret." }),
  scopes: z.array(text).optional().meta({ description: "What to ask for. Left out, what the server says." }),
});

const server = z
  .strictObject({
    command: text.optional().meta({ description: "The program that is started: a server over stdio." }),
    args: z.array(z.string()).optional().meta({ description: "Its arguments." }),
    env: z.record(z.string().regex(ENV_NAME, { error: "is no name of an environment variable" }), z.string()).optional().meta({ description: "Variables it is started with, beside the few that every program needs. Nothing else of the gateway's own environment goes to it." }),
    cwd: file.optional().meta({ description: "Where it is started. Relative to the folder of this file, which it is where left out." }),
    url: url.optional().meta({ description: "The address of a server over HTTP." }),
    transport: z.enum(["auto", "http", "sse"]).optional().meta({ description: "http: Streamable HTTP; sse: the older HTTP with server-sent events; auto: whichever it speaks. Left out, auto." }),
    headers: z.record(z.string(), printable).optional().meta({ description: "Sent with every request to it, such as Authorization. Write secrets as ${env:NAME}." }),
    oauth: z.union([z.boolean(), upstreamOAuth], { error: "must be true, false or a map (clientId, clientSecret, issuer, scopes)" }).optional().meta({ description: "How the gateway is let in where the server asks for OAuth. true: by what somebody signed in with (`countersign gateway login URL`); a map: as a client of its own; false: not at all. Left out, true." }),
    policies: file.optional().meta({ description: "A policy file for this server's calls alone, in place of the gateway's." }),
    hold: duration.optional().meta({ description: "As the gateway's, for this server." }),
    unknownMethods: z.enum(["pass", "block"]).optional().meta({ description: "As the gateway's, for this server." }),
    join: z.boolean().optional().meta({ description: "Whether it is among the servers that are joined. Left out, true." }),
  })
  .superRefine((value, context) => {
    const issue = (key: string, message: string): void => context.addIssue({ code: "custom", path: [key], message });
    const keys = Object.keys(value);
    if (value.command !== undefined && value.url !== undefined) issue("url", "stands beside `command`. A server is started or reached: keep one of them.");
    else if (value.command === undefined && value.url === undefined) context.addIssue({ code: "custom", message: "has neither `command` nor `url`. Write the program that starts it, or its address." });
    for (const key of ["args", "env", "cwd"]) if (value.url !== undefined && keys.includes(key)) issue(key, "goes with `command` only, not with `url`. Remove it.");
    for (const key of ["transport", "headers", "oauth"]) if (value.command !== undefined && keys.includes(key)) issue(key, "goes with `url` only, not with `command`. Remove it.");
    for (const name of Object.keys(value.headers ?? {})) {
      const add = (message: string): void => context.addIssue({ code: "custom", path: ["headers", name], message });
      if (!HEADER_NAME.test(name)) add("has no name of a header. Write one such as Authorization.");
      else if (RESERVED_HEADERS.has(name.toLowerCase())) add("is set by the gateway itself. Remove it.");
    }
  });

const servers = z.record(z.string(), server).superRefine((all, context) => {
  const issue = (key: string, message: string): void => context.addIssue({ code: "custom", path: [key], message });
  const known = new Map<string, string>();
  if (Object.keys(all).length === 0) context.addIssue({ code: "custom", message: "is an empty map. Write at least one server." });
  for (const name of Object.keys(all)) {
    if (name.toLowerCase() === CANARY_NAME) issue(name, "is the gateway's own name for its canary. Choose another.");
    if (!SERVER_NAME.test(name)) issue(name, "has a name that cannot stand in a path. Use letters, digits, dots, dashes and underscores, at most 64.");
    const twin = known.get(name.toLowerCase());
    if (twin !== undefined) issue(name, `differs from ${JSON.stringify(twin)} in case only. Give it another name: policies and people would mix them up.`);
    known.set(name.toLowerCase(), name);
  }
});

const clientOAuth = z.strictObject({
  issuer: url.meta({ description: "Who signs the tokens, as in their `iss`." }),
  audience: z.union([text, z.array(text).min(1)], { error: "must be a text or a list of texts" }).optional().meta({ description: "What their `aud` must name. Left out, the address of the endpoint that is called (RFC 8707), or of the gateway as a whole." }),
  jwksUrl: url.optional().meta({ description: "Where its keys are. Left out, its own metadata says." }),
  scopes: z.array(text).optional().meta({ description: "Scopes that a token must have, all of them." }),
  userClaim: text.optional().meta({ description: "The claim that is `user.id` in policies and the record. Left out, sub." }),
  agentClaim: text.optional().meta({ description: "The claim that is `agent.name`. Left out, client_id, else azp." }),
});

const clients = z.strictObject({
  local: z.boolean().optional().meta({ description: "Whether programs of this machine may call without a credential, as the user the gateway runs as. Only where it listens on loopback. Left out, true there." }),
  keys: z.boolean().optional().meta({ description: "Whether agent keys of the control plane count as bearer tokens. Left out, true." }),
  oauth: clientOAuth.optional().meta({ description: "Whose OAuth tokens count as bearer tokens." }),
});

const controlPlane = z.strictObject({
  url: url.meta({ description: "Its address." }),
  apiKey: text.meta({ description: "An agent key of it, such as ${env:COUNTERSIGN_API_KEY}: for the calls of local and OAuth clients." }),
});

const limits = z.strictObject({
  messageBytes: count(256 * 1024 * 1024).optional().meta({ description: "Bytes of one message of a client. Left out, 10485760 (10 MiB)." }),
  connections: count(100_000).optional().meta({ description: "Connections of clients at once. Left out, 2000." }),
  sessions: count(100_000).optional().meta({ description: "Sessions of one server at once, where each has a connection or a process of its own. Left out, 200." }),
  credentials: count(10_000).optional().meta({ description: "Agent keys that may call at once. Left out, 200." }),
});

const gateway = z.strictObject({
  listen: listen.optional().meta({ description: "HOST:PORT. Left out, 127.0.0.1:7434. Beyond loopback every client needs a credential." }),
  publicUrl: url.optional().meta({ description: "How clients reach the gateway where a proxy with TLS stands in front of it." }),
  servers: servers.meta({ description: "The servers, by their name: in policies (mcp:NAME:tool) and in the path (/NAME/mcp)." }),
  join: z.boolean().optional().meta({ description: "Whether several servers are also served as one, at /mcp, with tools named NAME__tool. Left out, true." }),
  policies: file.optional().meta({ description: "A policy file for all servers. Left out, the policies of the control plane." }),
  controlPlane: z.union([z.literal("none"), controlPlane], { error: "must be none or a map (url, apiKey)" }).optional().meta({ description: "Where people are asked. Left out, the one of the state directory, which is started where none runs. none: nobody is asked, and what a policy blocks is refused." }),
  clients: z.union([z.enum(["local", "required"]), clients], { error: "must be local, required or a map (local, keys, oauth)" }).optional().meta({ description: "Who may call. required: nobody without a credential. Left out, local." }),
  agent: text.optional().meta({ description: "The agent's name in policies and the record, for local clients; a claim." }),
  hold: duration.optional().meta({ description: "How long a call that waits for people is held where its client gave no progress token. Left out, 45s." }),
  unknownMethods: z.enum(["pass", "block"]).optional().meta({ description: "Whether messages with methods that MCP does not know pass to the server. Left out, pass." }),
  drain: duration.optional().meta({ description: "How long calls under way may go on when the gateway ends or a server is removed. Left out, 10s." }),
  allowedHosts: z.array(host).optional().meta({ description: "More names in the Host header that are let in, beside those of this machine and of publicUrl; and who may see metrics." }),
  allowedOrigins: z.array(origin).optional().meta({ description: "Origins of pages that may call, beside the gateway's own." }),
  limits: limits.optional().meta({ description: "Bounds, so that no client harms another." }),
});

export const gatewayDocument = z.strictObject({
  version: z.literal(1).meta({ description: "The version of this format: 1." }),
  gateway: gateway.meta({ description: "The gateway." }),
});

export type GatewayDocument = z.output<typeof gatewayDocument>;
export type DocumentServer = z.output<typeof server>;
export type ClientOAuth = z.output<typeof clientOAuth>;

/** The keys that each kind of map in the document may have, for "Did you mean". */
export const GATEWAY_KEYS = {
  document: Object.keys(gatewayDocument.shape),
  gateway: Object.keys(gateway.shape),
  server: Object.keys(server.shape),
  upstreamOAuth: Object.keys(upstreamOAuth.shape),
  clients: Object.keys(clients.shape),
  clientOAuth: Object.keys(clientOAuth.shape),
  controlPlane: Object.keys(controlPlane.shape),
  limits: Object.keys(limits.shape),
} as const;

/** Undefined where it is none. An IPv6 address stands in brackets. */
export function parseListen(value: string): { readonly host: string; readonly port: number } | undefined {
  const [, bracketed, plain, digits] = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9.-]+)):(\d{1,5})$/.exec(value) ?? [];
  const port = Number(digits);
  const name = bracketed ?? plain;
  return name === undefined || !(port <= 65_535) ? undefined : { host: name, port };
}

function isHttpUrl(value: string): boolean {
  if (!URL.canParse(value)) return false;
  const { protocol, username, password, hash } = new URL(value);
  return (protocol === "https:" || protocol === "http:") && username === "" && password === "" && hash === "";
}
