/** Every route with what serves it. A route of ROUTES that is missing here does not compile, and neither does one too many. */
import type { RouteName } from "@countersign/sdk/wire";
import type { Bound } from "./binding.ts";
import { INSTALLATION_BINDINGS } from "./bind-installation.ts";
import { PEOPLE_BINDINGS } from "./bind-people.ts";
import { REQUEST_BINDINGS } from "./bind-requests.ts";
import { SIGN_IN_BINDINGS } from "./bind-sign-in.ts";
import { SYSTEM_BINDINGS } from "./bind-system.ts";
import { TRIAL_BINDINGS } from "./bind-trials.ts";

export const BINDINGS: Readonly<Record<RouteName, Bound>> = Object.freeze({
  ...SYSTEM_BINDINGS,
  ...REQUEST_BINDINGS,
  ...PEOPLE_BINDINGS,
  ...SIGN_IN_BINDINGS,
  ...INSTALLATION_BINDINGS,
  ...TRIAL_BINDINGS,
});
