/** Ways to prove who one is, each ending in the same: a cookie that this page cannot read, and a token that it keeps. */
import { people } from "@countersign/sdk/contract";
import { z } from "zod";
import { callRoute } from "./call-route.ts";
import type { Failure, Result } from "./call-route.ts";
import { dropCsrfToken, goAway, keepCsrfToken } from "./csrf-token.ts";
import { askForPasskey, makePasskey } from "./passkey.ts";
import { forgetAll } from "./query.ts";
import type { Me } from "./words.ts";

const signedIn = z.object({ csrf: z.string(), signInId: z.string(), personId: z.string() });
const options = z.object({ options: z.record(z.string(), z.unknown()) });
const methods = z.object({ password: z.boolean(), passkey: z.boolean(), oidc: z.object({ name: z.string() }).nullable() });
const signIns = z.object({ signIns: z.array(people.signIn) });
export type SignInMethods = z.infer<typeof methods>;
export type SignIn = z.infer<typeof people.signIn>;

export function readMe(): Promise<Result<Me>> {
  return callRoute("me", people.me);
}

export function readMethods(): Promise<Result<SignInMethods>> {
  return callRoute("signInMethods", methods);
}

async function keep(said: Promise<Result<z.infer<typeof signedIn>>>): Promise<Result<void>> {
  const result = await said;
  if (!result.ok) return result;
  keepCsrfToken(result.value.csrf);
  return { ok: true, value: undefined };
}

export function signInByLink(token: string): Promise<Result<void>> {
  return keep(callRoute("signInByLink", signedIn, { body: { token } }));
}

export function signInByPassword(email: string, password: string): Promise<Result<void>> {
  return keep(callRoute("signInByPassword", signedIn, { body: { email, password } }));
}

/** With a request digest: confirms that very request (step-up). */
export async function signInByPasskey(requestDigest: string | null): Promise<Result<void>> {
  const begun = await callRoute("passkeyOptions", options, { body: { requestDigest } });
  if (!begun.ok) return begun;
  const response = await askForPasskey(begun.value.options);
  if (response === undefined) return notGiven("No passkey was given.");
  return keep(callRoute("signInByPasskey", signedIn, { body: { response } }));
}

export async function startOidc(): Promise<Result<{ url: string }>> {
  const begun = await callRoute("startOidc", z.object({ url: z.string() }), { body: { linkToken: null } });
  if (begun.ok) goAway();
  return begun;
}

export async function signOut(): Promise<void> {
  await callRoute<void>("signOut", null);
  dropCsrfToken();
  forgetAll();
}

export async function addPasskey(name: string): Promise<Result<void>> {
  const begun = await callRoute("passkeyRegistrationOptions", options);
  if (!begun.ok) return begun;
  const response = await makePasskey(begun.value.options);
  if (response === undefined) return notGiven("No passkey was made.");
  const added = await callRoute("addPasskey", z.object({ passkeyId: z.string() }), { body: { name, response } });
  return added.ok ? { ok: true, value: undefined } : added;
}

export function removePasskey(id: string): Promise<Result<void>> {
  return callRoute<void>("removePasskey", null, { id });
}

export function changePassword(current: string | null, password: string): Promise<Result<void>> {
  return keep(callRoute("changePassword", signedIn, { body: { current, password } }));
}

export function listSignIns(): Promise<Result<{ signIns: readonly SignIn[] }>> {
  return callRoute("listSignIns", signIns);
}

export function endSignIn(id: string): Promise<Result<void>> {
  return callRoute<void>("endSignIn", null, { id });
}

function notGiven(message: string): Failure {
  return { ok: false, code: "bad_request", message, state: undefined };
}
