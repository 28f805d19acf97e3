/** `inCidr(ip, cidr)` of conditions. */
import { BlockList, isIP } from "node:net";
import { Fault } from "./fault.ts";

/** Whether an address is in a network such as "10.0.0.0/8". IPv4 written as IPv6 (::ffff:10.0.0.1) is IPv4. A Fault where either is not plainly one. */
export function inCidr(ip: string, cidr: string): boolean | Fault {
  const network = readCidr(cidr);
  return network instanceof Fault ? network : isInNetwork(ip, network);
}

export interface Network {
  readonly family: "ipv4" | "ipv6";
  readonly list: BlockList;
}

export function isInNetwork(ip: string, network: Network): boolean | Fault {
  const address = readAddress(ip);
  if (address instanceof Fault) return address;
  return address.family === network.family && network.list.check(address.text, address.family);
}

export function readCidr(cidr: string): Network | Fault {
  const [, text, bits] = /^([^/]{2,45})\/(0|[1-9]\d{0,2})$/u.exec(cidr) ?? [];
  const address = text === undefined ? NOT_A_NETWORK : readAddress(text);
  if (address instanceof Fault || Number(bits) > (address.family === "ipv4" ? 32 : 128)) return NOT_A_NETWORK;
  if (address.mapped) return new Fault("inCidr: write an IPv4 network as IPv4, such as 10.0.0.0/8");
  const list = new BlockList();
  list.addSubnet(address.text, Number(bits), address.family);
  return { family: address.family, list };
}

const NOT_A_NETWORK = new Fault('inCidr: the network must be written such as "10.0.0.0/8" or "fd00::/8"');
const NOT_AN_ADDRESS = new Fault("inCidr: the address is not a plain IPv4 or IPv6 address");

interface Address {
  readonly family: Network["family"];
  readonly text: string;
  readonly mapped: boolean;
}

/** Forms that only some programs read as an address (a number, octal or missing parts, a zone) are none. */
function readAddress(ip: string): Address | Fault {
  const version = ip.length > 45 || ip.includes("%") ? 0 : isIP(ip);
  if (version === 0) return NOT_AN_ADDRESS;
  if (version === 4) return { family: "ipv4", text: ip, mapped: false };
  const mapped = mappedPart(ip);
  return mapped === undefined ? { family: "ipv6", text: ip, mapped: false } : { family: "ipv4", text: mapped, mapped: true };
}

/** The IPv4 address in one of ::ffff:0:0/96. */
function mappedPart(ip: string): string | undefined {
  // The URL parser writes every form of an IPv6 address in one, with IPv4 as two hexadecimal groups.
  const [, high, low] = /^\[::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})\]$/u.exec(new URL(`http://[${ip}]`).hostname) ?? [];
  if (high === undefined || low === undefined) return undefined;
  return [high, low].flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 255]).join(".");
}
