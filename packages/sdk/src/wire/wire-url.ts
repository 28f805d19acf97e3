/** The address of a control plane. A key travels with every request, so plain http is for this machine alone unless somebody says otherwise. */
import { isIPv4 } from "node:net";

export interface WireUrl {
  /** Without a slash at its end. */
  readonly base: URL;
  /** The key travels in the clear, off this machine: said with `allowInsecure`, and named by `doctor`. */
  readonly insecure: boolean;
}

/** Throws TypeError for what is no address of a control plane. The message never repeats credentials. */
export function readWireUrl(given: unknown, allowInsecure: boolean): WireUrl {
  const base = typeof given === "string" && URL.canParse(given) ? new URL(given) : undefined;
  if (base === undefined) throw new TypeError("controlPlane.url must be a URL such as https://countersign.example.com");
  if (base.protocol !== "https:" && base.protocol !== "http:") throw new TypeError("controlPlane.url must begin with https:// or http://");
  if (base.username !== "" || base.password !== "") throw new TypeError("controlPlane.url must hold no user name and no password; pass apiKey");
  if (base.search !== "" || base.hash !== "") throw new TypeError("controlPlane.url must hold no query and no fragment");
  const insecure = base.protocol === "http:" && !isLoopback(base.hostname);
  if (insecure && !allowInsecure) {
    throw new TypeError(`controlPlane.url ${base.origin} would send the API key in the clear. Use https://, or say controlPlane: { allowInsecure: true }.`);
  }
  base.pathname = base.pathname.replace(/\/+$/, "");
  return { base, insecure };
}

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname.endsWith(".localhost") || hostname === "[::1]" || (isIPv4(hostname) && hostname.startsWith("127."));
}
