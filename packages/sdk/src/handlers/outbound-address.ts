/**
 * Which addresses a webhook may reach. A URL in a configuration must not turn the agent's machine into a way inside:
 * to loopback services, the private network, or a cloud's metadata service. The address is judged at the moment of
 * connecting, and it is the judged one that is connected to, so a name that changes its answer gains nothing (rebinding).
 * Called by http-exchange.ts.
 */
import { lookup as systemLookup } from "node:dns";
import type { LookupAddress } from "node:dns";
import { BlockList, isIP } from "node:net";
import type { LookupFunction } from "node:net";

/** `reserved` covers link-local, metadata, multicast and documentation ranges, and IPv6 forms that embed an IPv4 address. */
export type AddressKind = "public" | "private" | "loopback" | "reserved";

/** The kinds an exchange may connect to. */
export type AllowedKinds = ReadonlySet<AddressKind>;

const LOOPBACK = blockList([["127.0.0.0", 8], ["::1", 128]]);

/** RFC 1918, RFC 6598 (shared, also Tailscale) and RFC 4193. */
const PRIVATE = blockList([["10.0.0.0", 8], ["172.16.0.0", 12], ["192.168.0.0", 16], ["100.64.0.0", 10], ["fc00::", 7]]);

/** Never reached, not even with allowPrivateNetwork: metadata services hand out credentials. */
const METADATA = blockList([["100.100.100.200", 32], ["168.63.129.16", 32], ["fd00:ec2::254", 128], ["fd20:ce::254", 128]]);

/** The rest of the IANA special-purpose registries for IPv4, with link-local, multicast and the former class E. */
const RESERVED_V4 = blockList([["0.0.0.0", 8], ["169.254.0.0", 16], ["192.0.0.0", 24], ["192.0.2.0", 24], ["192.88.99.0", 24], ["198.18.0.0", 15], ["198.51.100.0", 24], ["203.0.113.0", 24], ["224.0.0.0", 3]]);

/** IPv6 is the other way round: only global unicast is public, less what is reserved in it (Teredo, 6to4, documentation …). */
const GLOBAL_V6 = blockList([["2000::", 3]]);
const RESERVED_V6 = blockList([["2001::", 23], ["2001:db8::", 32], ["2002::", 16], ["3fff::", 20]]);

const MAPPED_V4 = blockList([["::ffff:0:0", 96]]);

function blockList(subnets: readonly (readonly [string, number])[]): BlockList {
  const list = new BlockList();
  for (const [net, prefix] of subnets) list.addSubnet(net, prefix, isIP(net) === 6 ? "ipv6" : "ipv4");
  return list;
}

/** The kind of an IP address. What is no plain address (a name, a zone id) is `reserved`. */
export function addressKind(address: string): AddressKind {
  const family = address.includes("%") ? 0 : isIP(address);
  if (family === 0) return "reserved";
  const type = family === 6 ? "ipv6" : "ipv4";
  // Before the others, since BlockList judges ::ffff:a.b.c.d by the rules for IPv4. No public name has such an address.
  if (family === 6 && MAPPED_V4.check(address, "ipv6")) return "reserved";
  if (METADATA.check(address, type)) return "reserved";
  if (LOOPBACK.check(address, type)) return "loopback";
  if (PRIVATE.check(address, type)) return "private";
  if (family === 4) return RESERVED_V4.check(address, type) ? "reserved" : "public";
  return GLOBAL_V6.check(address, type) && !RESERVED_V6.check(address, type) ? "public" : "reserved";
}

/** The address would have been outside of what is allowed. Nothing was sent. */
export class AddressRefusedError extends Error {
  override readonly name: string = "AddressRefusedError";

  constructor(host: string, kind: AddressKind) {
    super(`${host} is at a ${kind} address, which is not allowed; nothing was sent`);
  }
}

/**
 * A `lookup` for node:http(s) that hands out allowed addresses only. One that is not allowed among several refuses all:
 * names that mix public and private addresses are how rebinding looks. `resolve` defaults to the system's resolver.
 */
export function guardedLookup(allowed: AllowedKinds, resolve: LookupFunction = systemLookup): LookupFunction {
  return (host, options, callback) => {
    resolve(host, { ...options, all: true }, (error, found, family) => {
      if (error !== null) return callback(error, "");
      const addresses: readonly LookupAddress[] = typeof found === "string" ? [{ address: found, family: family ?? isIP(found) }] : found;
      const refused = addresses.find(({ address }) => !allowed.has(addressKind(address)));
      if (refused !== undefined) return callback(new AddressRefusedError(host, addressKind(refused.address)), "");
      const [first] = addresses;
      if (first === undefined) return callback(new Error(`${host} has no address`), "");
      return options.all === true ? callback(null, [...addresses]) : callback(null, first.address, first.family);
    });
  };
}

/** Throws AddressRefusedError for a host that is a literal address outside of what is allowed: `lookup` never sees those. */
export function assertLiteralAllowed(hostname: string, allowed: AllowedKinds): void {
  const literal = hostname.startsWith("[") ? hostname.slice(1, -1) : hostname;
  if (isIP(literal) === 0) return;
  const kind = addressKind(literal);
  if (!allowed.has(kind)) throw new AddressRefusedError(hostname, kind);
}
