/** The server of `countersign gateway --url`, out of the options: where it is, what is sent with every request. Loaded when there is one. */
import { serverIdentity } from "@countersign/sdk/enforcement";
import type { ServerRef } from "@countersign/sdk";
import { connectUrl, URL_TRANSPORTS, type UrlTransport } from "../gateway/upstream/connect-url.ts";
import { whyNoHeader, type RemoteServer } from "../gateway/upstream/remote/remote-server.ts";
import { isOnThisMachine } from "../gateway/upstream/sign-in/careful-fetch.ts";
import type { UpstreamConnection, UpstreamListener } from "../gateway/upstream/upstream-connection.ts";
import { UsageError } from "./ports.ts";
import { serverNameOfUrl } from "./server-name.ts";
import { authorizationFor, type SignInAround, type SignInWords } from "./upstream-sign-in.ts";

export interface UrlOptions extends SignInWords {
  readonly url: string;
  readonly transport: string;
  /** `Name: value` */
  readonly header: readonly string[];
  /** `NAME=VARIABLE` */
  readonly headerEnv: readonly string[];
}

export interface UrlUpstream {
  /** A name for it in policy ids, where none is given. */
  readonly name: string;
  readonly connect: (listener: UpstreamListener) => UpstreamConnection;
  readonly server: (name: string) => Promise<ServerRef>;
  readonly stop: () => Promise<void>;
}

export interface UrlAddress extends RemoteServer {
  readonly transport: UrlTransport;
}

/** Throws UsageError; no value of a header is in it. */
export function readAddress(options: UrlOptions, around: SignInAround): UrlAddress {
  const { env, warn } = around;
  const url = serverAddress(options.url, "--url");
  const transport = transportOf(options.transport);
  const headers = headersOf(options, env);
  if (url.protocol === "http:" && !isOnThisMachine(url) && Object.keys(headers).length > 0) warn(`what is sent to ${url.origin} is not encrypted, the headers that were given included: use https`);
  // Who gives a credential of their own is not signed in by us.
  const authorization = headers["authorization"] === undefined ? authorizationFor(url, options, around) : undefined;
  return { url, transport, headers, authorization };
}

/** As readAddress. */
export function urlUpstream(options: UrlOptions, around: SignInAround): UrlUpstream {
  const { transport, ...remote } = readAddress(options, around);
  const { url } = remote;
  const { env } = around;
  let connection: UpstreamConnection | undefined;
  return {
    name: serverNameOfUrl(url),
    connect: (listener) => (connection = connectUrl(remote, transport, listener)),
    server: async (name) => ({ name, identity: await serverIdentity({ kind: "http", url: url.href }, env), transport: "http" }),
    stop: async () => connection?.stop(),
  };
}

/** `option`: where it was given. */
export function serverAddress(given: string, option: string): URL {
  const url = URL.canParse(given) ? new URL(given) : undefined;
  if (url === undefined || (url.protocol !== "https:" && url.protocol !== "http:")) throw new UsageError(`${option}: an address such as https://example.com/mcp is expected.`);
  if (url.username !== "" || url.password !== "") throw new UsageError(`${option}: leave the password out of the address, where everybody who lists processes sees it. Give it as --header-env Authorization=VARIABLE.`);
  url.hash = "";
  return url;
}

function transportOf(given: string): UrlTransport {
  const transport = URL_TRANSPORTS.find((one) => one === given);
  if (transport === undefined) throw new UsageError(`--transport: ${URL_TRANSPORTS.join(", ")} are the transports.`);
  return transport;
}

export function headersOf({ header, headerEnv }: Pick<UrlOptions, "header" | "headerEnv">, env: NodeJS.ProcessEnv): Readonly<Record<string, string>> {
  const headers = new Map<string, string>();
  const add = (option: string, name: string, value: string): void => {
    const why = whyNoHeader(name, value);
    if (why !== undefined) throw new UsageError(`${option}: ${why}.`);
    headers.set(name.toLowerCase(), value);
  };
  for (const given of header) {
    const colon = given.indexOf(":");
    if (colon < 1) throw new UsageError("--header: 'Name: value' is expected.");
    add("--header", given.slice(0, colon).trim(), given.slice(colon + 1).trim());
  }
  for (const given of headerEnv) {
    const [, name = "", variable = ""] = /^([^=]+)=(.+)$/.exec(given) ?? [];
    if (name === "") throw new UsageError("--header-env: Name=VARIABLE is expected, with the name of an environment variable that holds the value.");
    const value = env[variable];
    if (value === undefined || value === "") throw new UsageError(`--header-env: the environment variable for ${name} is not set.`);
    add("--header-env", name, value.trim());
  }
  return Object.fromEntries(headers);
}
