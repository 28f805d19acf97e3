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
  me: bind({ answer: wire.me, run: ({ services, identity }) => json(services.signIns.me(identity)) }),
  signInByLink: bind({
    body: wire.linkBody,
    answer: signedInAnswer,
    attempt: true,
    run: ({ services, identity, visitor }, { body }) => signedIn(services.signIns.byLink(visitor, identity, body.token)),
  }),
  signInByPassword: bind({
    body: wire.passwordBody,
    answer: signedInAnswer,
    attempt: true,
    run: ({ services, visitor }, { body }) => signedIn(services.signIns.byPassword(visitor, body)),
  }),
  passkeyOptions: bind({
    body: z.strictObject({ requestDigest: digest.nullable() }),
    answer: optionsAnswer,
    attempt: true,
    run: ({ services, identity }, { body }) => begun(services.signIns.passkeyOptions(identity, body.requestDigest)),
  }),
  signInByPasskey: bind({
    body: z.strictObject({ response: authenticatorResponse }),
    answer: signedInAnswer,
    attempt: true,
    run: ({ services, identity, visitor, attempt }, { body }) => signedIn(services.signIns.byPasskey(visitor, identity, attempt, body.response)),
  }),
  startOidc: bind({
    body: z.strictObject({ linkToken: z.string().max(200).nullable() }),
    answer: z.object({ url: z.string() }),
    attempt: true,
    run: async ({ services }, { body }) => {
      const said = await services.signIns.startOidc(body.linkToken);
      return said.ok ? { kind: "json", body: { url: said.url }, cookies: [said.cookie] } : said;
    },
  }),
  finishOidc: bind({
    attempt: true,
    navigable: true,
    status: 303,
    run: async ({ services, visitor, attempt, url }) => {
      const said = await services.signIns.finishOidc(visitor, attempt, url);
      return said.ok ? { kind: "redirect", location: "/", cookies: [said.cookie] } : said;
    },
  }),
  signInMethods: bind({
    answer: z.object({ password: z.boolean(), passkey: z.boolean(), oidc: z.object({ name: z.string() }).nullable() }),
    run: async ({ services }) => ({ kind: "json", body: services.signIns.methods() }),
  }),
  signOut: bind({
    run: async ({ services, identity }) => {
      const said = await services.signIns.signOut(identity);
      return said.ok ? { kind: "empty", status: 204, cookies: [said.cookie] } : said;
    },
  }),
  listSignIns: bind({ answer: z.object({ signIns: z.array(wire.signIn) }), run: ({ services, identity }) => json(services.signIns.list(identity)) }),
  endSignIn: bind({ run: ({ services, identity, id }) => empty(services.signIns.end(identity, id)) }),
  changePassword: bind({
    body: wire.newPasswordBody,
    answer: signedInAnswer,
    attempt: true,
    run: ({ services, identity, visitor }, { body }) => signedIn(services.signIns.changePassword(visitor, identity, body)),
  }),
  passkeyRegistrationOptions: bind({ answer: optionsAnswer, run: ({ services, identity }) => begun(services.signIns.passkeyRegistrationOptions(identity)) }),
  addPasskey: bind({
    body: z.strictObject({ name: z.string().min(1).max(200), response: authenticatorResponse }),
    answer: z.object({ passkeyId: z.string() }),
    status: 201,
    run: ({ services, identity, attempt }, { body }) => json(services.signIns.addPasskey(identity, attempt, body.name, body.response)),
  }),
  removePasskey: bind({ run: ({ services, identity, id }) => empty(services.signIns.removePasskey(identity, id)) }),
} as const satisfies Partial<Record<RouteName, Bound>>;
