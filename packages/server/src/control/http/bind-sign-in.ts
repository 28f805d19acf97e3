/** Routes by which people prove who they are. Secrets go into cookies and nowhere else; what the page may know is in the answer. */
import { people as wire } from "@countersign/sdk/wire";
import type { RouteName } from "@countersign/sdk/wire";
import { z } from "zod";
import type { Answer, Refusal } from "../refusal.ts";
import type { Begun, SignedIn } from "../sign-in/sign-ins.ts";
import { bind, empty, json } from "./binding.ts";
import type { Bound, Reply } from "./binding.ts";

const digest = z.string().regex(/^[0-9a-f]{64}$/);
/** What a browser's authenticator says (WebAuthn); @simplewebauthn/server judges it. */
const authenticatorResponse = z.record(z.string(), z.json());
const signedInAnswer = z.object({ csrf: z.string(), signInId: z.string(), personId: z.string() });
const optionsAnswer = z.object({ options: z.record(z.string(), z.unknown()) });

async function signedIn(answer: Promise<Answer<SignedIn>>): Promise<Reply | Refusal> {
  const said = await answer;
  if (!said.ok) return said;
  const { csrf, signInId, personId, cookie } = said;
  return { kind: "json", body: { csrf, signInId, personId }, cookies: [cookie] };
}

async function begun(answer: Promise<Answer<Begun<object>>>): Promise<Reply | Refusal> {
  const said = await answer;
  return said.ok ? { kind: "json", body: { options: said.options }, cookies: [said.cookie] } : said;
}

export const SIGN_IN_BINDINGS = {
  me: bind({ answer: wire.me, run: ({ resources, identity }) => json(resources.signIns.me(identity)) }),
  signInByLink: bind({
    body: wire.linkBody,
    answer: signedInAnswer,
    attempt: true,
    run: ({ resources, identity, visitor }, { body }) => signedIn(resources.signIns.byLink(visitor, identity, body.token)),
  }),
  signInByPassword: bind({
    body: wire.passwordBody,
    answer: signedInAnswer,
    attempt: true,
    run: ({ resources, visitor }, { body }) => signedIn(resources.signIns.byPassword(visitor, body)),
  }),
  passkeyOptions: bind({
    body: z.strictObject({ requestDigest: digest.nullable() }),
    answer: optionsAnswer,
    attempt: true,
    run: ({ resources, identity }, { body }) => begun(resources.signIns.passkeyOptions(identity, body.requestDigest)),
  }),
  signInByPasskey: bind({
    body: z.strictObject({ response: authenticatorResponse }),
    answer: signedInAnswer,
    attempt: true,
    run: ({ resources, identity, visitor, attempt }, { body }) => signedIn(resources.signIns.byPasskey(visitor, identity, attempt, body.response)),
  }),
  startOidc: bind({
    body: z.strictObject({ linkToken: z.string().max(200).nullable() }),
    answer: z.object({ url: z.string() }),
    attempt: true,
    run: async ({ resources }, { body }) => {
      const said = await resources.signIns.startOidc(body.linkToken);
      return said.ok ? { kind: "json", body: { url: said.url }, cookies: [said.cookie] } : said;
    },
  }),
  finishOidc: bind({
    attempt: true,
    navigable: true,
    status: 303,
    run: async ({ resources, visitor, attempt, url, isVisit }) => {
      const said = await resources.signIns.finishOidc(visitor, attempt, url);
      // Somebody looks at the answer: the page says it in words.
      if (!said.ok && isVisit) return { kind: "redirect", location: `/sign-in#refused=${said.code}`, cookies: [] };
      // In the fragment, which stays in the browser: the page takes its CSRF token from there, as from the answer to any other sign-in.
      return said.ok ? { kind: "redirect", location: `/#csrf=${said.csrf}`, cookies: [said.cookie] } : said;
    },
  }),
  signInMethods: bind({
    answer: z.object({ password: z.boolean(), passkey: z.boolean(), oidc: z.object({ name: z.string() }).nullable() }),
    run: async ({ resources }) => ({ kind: "json", body: resources.signIns.methods() }),
  }),
  signOut: bind({
    run: async ({ resources, identity }) => {
      const said = await resources.signIns.signOut(identity);
      return said.ok ? { kind: "empty", status: 204, cookies: [said.cookie] } : said;
    },
  }),
  listSignIns: bind({ answer: z.object({ signIns: z.array(wire.signIn) }), run: ({ resources, identity }) => json(resources.signIns.list(identity)) }),
  endSignIn: bind({ run: ({ resources, identity, id }) => empty(resources.signIns.end(identity, id)) }),
  changePassword: bind({
    body: wire.newPasswordBody,
    answer: signedInAnswer,
    attempt: true,
    run: ({ resources, identity, visitor }, { body }) => signedIn(resources.signIns.changePassword(visitor, identity, body)),
  }),
  passkeyRegistrationOptions: bind({ answer: optionsAnswer, run: ({ resources, identity }) => begun(resources.signIns.passkeyRegistrationOptions(identity)) }),
  addPasskey: bind({
    body: z.strictObject({ name: z.string().min(1).max(200), response: authenticatorResponse }),
    answer: z.object({ passkeyId: z.string() }),
    status: 201,
    run: ({ resources, identity, attempt }, { body }) => json(resources.signIns.addPasskey(identity, attempt, body.name, body.response)),
  }),
  makeToken: bind({
    body: wire.tokenBody,
    answer: wire.tokenMade,
    status: 201,
    run: ({ resources, identity }, { body }) => json(resources.signIns.makeToken(identity, body.about, body.days)),
  }),
  removePasskey: bind({ run: ({ resources, identity, id }) => empty(resources.signIns.removePasskey(identity, id)) }),
} as const satisfies Partial<Record<RouteName, Bound>>;
