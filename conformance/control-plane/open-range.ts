/** A control plane with a real OpenID provider, staff, every credential and what the routes are aimed at. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../free-port.ts";
import { fillWallet, ROLES } from "./credentials.ts";
import type { Name } from "./credentials.ts";
import type { Range } from "./route-targets.ts";
import { startControlPlane } from "./running-control-plane.ts";
import { cookiesOf, hireStaff } from "./staff.ts";
import type { SignedIn, Staff } from "./staff.ts";
import { newAuthenticator, startProvider } from "./test-tools.ts";
import type { Authenticator } from "./test-tools.ts";

export interface OpenRange extends Range {
  close(): Promise<void>;
}

const POLICY = "version: 1\ndefault: allow\npolicies:\n  - name: never-delete\n    match: mcp:*:delete_everything\n    action: block\n    approval: never\n    reason: Nobody may\n";

export async function openRange(env: NodeJS.ProcessEnv = {}): Promise<OpenRange> {
  const port = await freePort(); // the provider wants to know beforehand where people are sent back to
  const origin = `http://localhost:${port}`;
  const { provider, env: oidc } = await startProvider(`${origin}/v1/sign-in/oidc/callback`, { "oidc-user": { name: "Odo", email: "odo@example.org", email_verified: true } });
  const plane = await startControlPlane({ policy: POLICY, port, env: { ...oidc, ...env }, directory: mkdtempSync(join(tmpdir(), "countersign-range-")) });
  const staff = await hireStaff(plane);
  const wallet = await fillWallet(plane, staff);
  const pat = await staff.join("Pat", ["approver"]);
  const password = "a long and unguessed one";
  await staff.must(pat, "POST", "/v1/me/password", { current: null, password });
  const patAgain = await staff.signInAgain(pat.personId);
  const passkeys: Partial<Record<Name | "pat", Authenticator>> = { pat: await givePasskey(staff, patAgain, origin) };
  for (const name of Object.keys(ROLES) as readonly Name[]) passkeys[name] = await givePasskey(staff, wallet.people[name], origin); // the keys of ROLES are the names
  return {
    plane,
    staff,
    wallet,
    provider,
    password,
    pat: patAgain,
    passkeys: passkeys as Range["passkeys"], // every name has got one above
    close: async () => {
      await plane.remove();
      await provider.close();
    },
  };
}

async function givePasskey(staff: Staff, { headers }: SignedIn, origin: string): Promise<Authenticator> {
  const authenticator = await newAuthenticator(origin);
  const { body, answer } = await staff.as<{ options: object }>({ headers }, "POST", "/v1/me/passkeys/options");
  const cookie = `${headers["cookie"]}; ${cookiesOf(answer)[0]}`;
  await staff.must({ headers: { ...headers, cookie } }, "POST", "/v1/me/passkeys", { name: "test", response: authenticator.create(body.options) });
  return authenticator;
}
