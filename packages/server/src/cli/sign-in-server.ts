/** Which server `countersign gateway login | logout` means: an address, a name in `countersign.yaml`, or one that somebody has signed in at. */
import type { HttpUpstream, ServerConfig } from "../config/gateway-config.ts";
import { readServerEntry } from "../config/read-gateway-document.ts";
import { addressOf, signedInAddresses } from "../gateway/upstream/sign-in/kept-file.ts";
import { readText } from "./load-policy.ts";
import { UsageError } from "./ports.ts";
import { serverNameOfUrl } from "./server-name.ts";
import type { UpPorts } from "./up.ts";
import { serverAddress } from "./url-upstream.ts";

export interface SignInServer {
  readonly url: URL;
  /** As its entry has them. */
  readonly headers: HttpUpstream["headers"];
}

export interface SignInPlaces {
  /**
   * The file where names are looked up. None is looked for: whoever puts a file into the directory where somebody works would choose where they
   * sign in, and what is sent there.
   */
  readonly config: string | undefined;
  readonly stateDirectory: string;
}

/** Throws UsageError, and GatewayDocumentError where the entry is broken. */
export async function signInServer(given: string, { config, stateDirectory }: SignInPlaces, ports: UpPorts): Promise<SignInServer> {
  if (given.includes("/") || given.includes(":")) {
    if (config !== undefined) throw new UsageError("--config: the file where the name of a server is looked up. An address needs none.");
    return { url: serverAddress(given, "The server"), headers: {} };
  }
  if (config === undefined) return { url: signedInAt(given, stateDirectory), headers: {} };
  const { server, names } = readServerEntry(await readText(config, ports), config, ports.env, given);
  if (server === undefined) throw new UsageError(`${config} has no server ${given}. It has ${names.join(", ")}.`);
  return ofEntry(server, config);
}

/** As cli/build-endpoint.ts is let in by it. */
function ofEntry({ name, upstream }: ServerConfig, path: string): SignInServer {
  const refused = (why: string): UsageError => new UsageError(`${path}: nobody signs in at ${name}: ${why}.`);
  if (upstream.kind === "stdio") throw refused("it is started by a command");
  const { url, headers, oauth } = upstream;
  if (oauth === false) throw refused("its entry says `oauth: false`");
  if (oauth !== true) throw refused("the gateway is let in as a client of its own (`oauth`)");
  if (Object.keys(headers).some((header) => header.toLowerCase() === "authorization")) throw refused("its entry has an Authorization header of its own");
  return { url: serverAddress(url, `${path}: ${name}`), headers: Object.fromEntries(Object.entries(headers).map(([header, value]) => [header.toLowerCase(), value])) };
}

function signedInAt(name: string, stateDirectory: string): URL {
  const known = signedInAddresses(stateDirectory).filter((url) => serverNameOfUrl(url) === name);
  const [only] = known;
  if (only !== undefined && known.length === 1) return only;
  throw new UsageError(known.length === 0 ? `${name}: nobody has signed in at a server of this name. Name the file that has it (--config countersign.yaml), or give its address: countersign gateway login https://example.com/mcp` : `${name} is the name of several: ${known.map(addressOf).join(", ")}. Give the address.`);
}
