/** How `init` is told of a control plane: its option, or the two environment variables. */
import { readWireUrl, type WireUrl } from "../wire/wire-url.ts";

export interface ControlPlaneOptions {
  /** Where it listens. `http://` only on this machine, unless `allowInsecure`. */
  readonly url: string;
  /** An agent's key, as it was printed when it was made. It asks and reports; it never decides. */
  readonly apiKey: string;
  /** Lets the key travel over plain `http://` to another machine. Default false. */
  readonly allowInsecure?: boolean;
  /** Calls are refused once the control plane's policies could not be confirmed for this long. Default 15 minutes. */
  readonly maxStalenessMs?: number;
}

export interface ControlPlaneSettings extends WireUrl {
  readonly apiKey: string;
  readonly maxStalenessMs: number;
}

const MAX_STALENESS_MS = 15 * 60_000;

/** The settings, or undefined where no control plane is named. Throws TypeError on what is not right, without repeating the key. */
export function readControlPlaneOptions(given: ControlPlaneOptions | null | undefined, env: NodeJS.ProcessEnv): ControlPlaneSettings | undefined {
  if (given === null) return undefined;
  const options = given ?? fromEnvironment(env);
  if (options === undefined) return undefined;
  if (typeof options !== "object") throw new TypeError("controlPlane must be { url, apiKey }");
  const { url, apiKey, allowInsecure = false, maxStalenessMs = MAX_STALENESS_MS } = options;
  if (typeof apiKey !== "string" || apiKey === "") throw new TypeError("controlPlane.apiKey is missing: pass it, or set COUNTERSIGN_API_KEY");
  if (typeof allowInsecure !== "boolean") throw new TypeError("controlPlane.allowInsecure must be true or false");
  if (!(maxStalenessMs > 0)) throw new TypeError("controlPlane.maxStalenessMs must be a number above 0, in milliseconds");
  return { ...readWireUrl(url, allowInsecure), apiKey, maxStalenessMs };
}

function fromEnvironment(env: NodeJS.ProcessEnv): ControlPlaneOptions | undefined {
  const url = env["COUNTERSIGN_URL"] ?? "";
  return url === "" ? undefined : { url, apiKey: env["COUNTERSIGN_API_KEY"] ?? "" };
}

/** The principal that a key proves, as far as its text tells; `csk_<key id>_<43 characters>`. */
export function principalOfKey(apiKey: string): string | undefined {
  const id = /^csk_([A-Za-z0-9_-]{1,100})_[A-Za-z0-9_-]{43}$/.exec(apiKey)?.[1];
  return id === undefined ? undefined : `key:${id}`;
}
