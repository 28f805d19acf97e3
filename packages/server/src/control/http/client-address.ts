/** Where a request comes from, for limits by address and for the record: the peer, or what a proxy that is named as trusted says. */

/** `forwardedFor` counts only where the peer is one of `trustedProxies`, and then its last entry, which that proxy wrote. */
export function clientAddress(peer: string | undefined, forwardedFor: string | undefined, trustedProxies: ReadonlySet<string>): string {
  const address = plain(peer ?? "unknown");
  if (forwardedFor === undefined || !trustedProxies.has(address)) return address;
  const last = forwardedFor.split(",").at(-1)?.trim() ?? "";
  return /^[0-9a-fA-F.:]{2,45}$/.test(last) ? plain(last) : address;
}

/** IPv4 in its IPv6 clothes is the same address. */
function plain(address: string): string {
  return address.startsWith("::ffff:") ? address.slice(7) : address;
}

const BROWSERS = [["Edg/", "Edge"], ["OPR/", "Opera"], ["Firefox/", "Firefox"], ["Chrome/", "Chrome"], ["Safari/", "Safari"], ["curl/", "curl"]] as const;
const SYSTEMS = [["Android", "Android"], ["iPhone", "iOS"], ["iPad", "iOS"], ["Windows", "Windows"], ["Mac OS X", "macOS"], ["Linux", "Linux"]] as const;

/** Browser and system in a few words of ours: what a header says is not repeated. */
export function describeAgent(userAgent: string | undefined): string {
  const find = (list: readonly (readonly [string, string])[]): string | undefined => list.find(([mark]) => userAgent?.includes(mark) === true)?.[1];
  return [find(BROWSERS) ?? "unknown client", find(SYSTEMS)].filter((word) => word !== undefined).join(" on ");
}
