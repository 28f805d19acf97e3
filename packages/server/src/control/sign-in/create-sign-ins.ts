/** Makes the resource `SignIns` on a ledger and a store: one object in front of the ways to sign in beside. */
import { canUsePasskeys } from "../../auth/passkey.ts";
import type { Keys } from "../key/keys.ts";
import type { Ledger } from "../ledger.ts";
import { byLink } from "./by-link.ts";
import { finishOidc, startOidc } from "./by-oidc.ts";
import { byPasskey, passkeyOptions } from "./by-passkey.ts";
import { byPassword, changePassword } from "./by-password.ts";
import { createContext } from "./context.ts";
import type { SignInsOptions, SignInStore } from "./context.ts";
import { identify } from "./identify.ts";
import { addPasskey, passkeyRegistrationOptions, removePasskey } from "./own-passkeys.ts";
import { endSignIn, listSignIns, makeToken, me, signOut, sweepSignIns } from "./own-sign-ins.ts";
import type { SignIns } from "./sign-ins.ts";

export function createSignIns(ledger: Ledger, store: SignInStore, keys: Pick<Keys, "authenticate">, options: SignInsOptions): SignIns {
  const context = createContext(ledger, store, keys, options);
  return {
    identify: (presented) => identify(context, presented),
    methods: () => ({ password: true, passkey: canUsePasskeys(context.origin()), oidc: context.oidc === null ? null : { name: context.oidc.provider.name } }),
    byLink: (visitor, current, token) => byLink(context, visitor, current, token),
    byPassword: (visitor, body) => byPassword(context, visitor, body),
    passkeyOptions: (identity, requestDigest) => passkeyOptions(context, identity, requestDigest),
    byPasskey: (visitor, identity, attempt, response) => byPasskey(context, visitor, identity, attempt, response),
    startOidc: (linkToken) => startOidc(context, linkToken),
    finishOidc: (visitor, attempt, url) => finishOidc(context, visitor, attempt, url),
    me: (identity) => me(context, identity),
    list: (identity) => listSignIns(context, identity),
    end: (identity, id) => endSignIn(context, identity, id),
    signOut: (identity) => signOut(context, identity),
    changePassword: (visitor, identity, body) => changePassword(context, visitor, identity, body),
    passkeyRegistrationOptions: (identity) => passkeyRegistrationOptions(context, identity),
    addPasskey: (identity, attempt, name, response) => addPasskey(context, identity, attempt, name, response),
    removePasskey: (identity, id) => removePasskey(context, identity, id),
    makeToken: (identity, about, days) => makeToken(context, identity, about, days),
    sweep: () => sweepSignIns(context),
  };
}
