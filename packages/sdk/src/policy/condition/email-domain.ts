/** `emailDomain(address)` of conditions. */
import { domainToASCII, domainToUnicode } from "node:url";
import { Fault } from "./fault.ts";

/** The domain of a bare address, lower-cased, internationalised ones in ASCII ("xn--…"). A Fault on anything two mail programs could read differently. */
export function emailDomain(address: string): string | Fault {
  if (address.length > MAX_ADDRESS) return new Fault("emailDomain: the address is too long");
  const [local = "", domain = "", ...more] = address.split("@");
  if (domain === "" || more.length > 0) return new Fault("emailDomain: an address has one @, with a name before it and a domain after it");
  if (!LOCAL_PART.test(local)) return new Fault("emailDomain: the part before the @ is not a plain one (no quotes, spaces or display names)");
  const ascii = asciiDomain(domain);
  if (ascii === undefined || ascii.length > MAX_DOMAIN || !DOMAIN.test(ascii)) return new Fault("emailDomain: the part after the @ is not a plain domain name");
  return ascii;
}

const MAX_ADDRESS = 320;
const MAX_DOMAIN = 253;
/** RFC 5322 dot-atom. */
const LOCAL_PART = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/u;
/** Labels of 1 to 63, the last of them no number, which would make it an IP address. */
const DOMAIN = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*(?!\d+$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/u;

function asciiDomain(domain: string): string | undefined {
  const lower = domain.toLowerCase();
  // toLowerCase turns the Kelvin sign into "k": what is not ASCII is judged as it was written.
  if (/^[\u0021-\u007e]+$/u.test(domain)) return lower;
  const ascii = domainToASCII(domain);
  // Names that are mapped to something else on the way (full-width letters, soft hyphens) are not what they look like.
  return ascii !== "" && domainToUnicode(ascii) === domain.normalize("NFC") ? ascii : undefined;
}
