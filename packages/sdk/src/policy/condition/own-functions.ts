/** The functions that are ours and not CEL's: within, businessHours, emailDomain, inCidr. */
import { emailDomain } from "./email-domain.ts";
import { Fault } from "./fault.ts";
import { readOrFault, TEXT, textForm, textOf, type Form } from "./form.ts";
import { isInNetwork, readCidr } from "./in-cidr.ts";
import { OVER } from "./run.ts";
import { Timestamp } from "./value.ts";
import { isBelow, readPath, within } from "./within.ts";
import { isInHours, readHours } from "./zone-hours.ts";

/** Parsing an address or telling the time in a zone takes several microseconds. */
const PARSE_VISITS = 60;

const withinForm: Form = {
  name: "within",
  method: false,
  params: [TEXT, TEXT],
  returns: "bool",
  literals: [],
  bind([, written]) {
    const directory = written === undefined ? undefined : readPath(written, "directory");
    if (directory instanceof Fault) return directory;
    return (run, path, other) => {
      const text = textOf(path);
      if (!run.spend(PARSE_VISITS) || !run.spendText((text.length + textOf(other).length) << 4)) return OVER;
      return directory === undefined ? within(text, textOf(other)) : isBelow(text, directory);
    };
  },
};

const businessHoursForm: Form = {
  name: "businessHours",
  method: false,
  params: [["timestamp"], TEXT, TEXT, TEXT, TEXT],
  returns: "bool",
  literals: [1, 2, 3, 4],
  bind([, zone = "", days = "", from = "", to = ""]) {
    const hours = readOrFault(() => readHours({ zone, days, from, to }));
    if (hours instanceof Fault) return hours;
    return (run, now) => (run.spend(PARSE_VISITS) ? isInHours(hours, now instanceof Timestamp ? now.ms : Number.NaN) : OVER);
  },
};

const inCidrForm: Form = {
  name: "inCidr",
  method: false,
  params: [TEXT, TEXT],
  returns: "bool",
  literals: [1],
  bind([, written = ""]) {
    const network = readCidr(written);
    if (network instanceof Fault) return network;
    return (run, ip) => (run.spend(PARSE_VISITS) ? isInNetwork(textOf(ip), network) : OVER);
  },
};

export const HELPER_FORMS: readonly Form[] = [
  withinForm,
  businessHoursForm,
  textForm("emailDomain", false, 1, "string", (run, address) => (run.spend(PARSE_VISITS) ? emailDomain(address) : OVER)),
  inCidrForm,
];
