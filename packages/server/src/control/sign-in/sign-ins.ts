/**
 * How people prove who they are: one-time links, passwords, passkeys, an OpenID provider, and tokens for the command line.
 * Each way ends in the same row, a sign-in, made by the same command with its row of the record. Rights are never kept in it:
 * they are the person's, as stored when something is done. Called by control/http.
 */
import type { people as wire } from "@countersign/sdk/wire";
import type { z } from "zod";
import type { Identity } from "../../auth/identity.ts";
import type { Cookie } from "../../auth/cookie.ts";
import type { Answer } from "../refusal.ts";

export type SignInView = z.infer<typeof wire.signIn>;
export type MeView = z.infer<typeof wire.me>;

/** What a request presents, as it came: header values or undefined. */
export interface Presented {
  readonly authorization: string | undefined;
  readonly cookie: string | undefined;
  /** Header `x-csrf-token`. */
  readonly csrf: string | undefined;
}

export interface Identified {
  readonly identity: Identity;
  readonly credential: "none" | "bearer" | "cookie";
  /** A request by cookie that changes something needs `match`; other credentials are sent by no browser on its own. */
  readonly csrf: "match" | "absent" | "wrong" | "not_needed";
  /** For the log, where something was presented that proves nothing. Holds no secret. */
  readonly reason: string | null;
}

/** Where a sign-in comes from. */
export interface Visitor {
  /** The peer's address, for limits and the record. */
  readonly address: string;
  /** Browser and system in a few words, shown to the person in the list of sign-ins. */
  readonly about: string;
}

/** `token` goes into `cookie` and nowhere else; `csrf` to the page, which keeps it per origin. Both exist only here. */
export interface SignedIn {
  readonly token: string;
  readonly cookie: Cookie;
  readonly csrf: string;
  readonly signInId: string;
  readonly personId: string;
}

/** A sign-in under way; the cookie names it. */
export interface Begun<T> {
  readonly options: T;
  readonly cookie: Cookie;
}

export interface SignIns {
  identify(presented: Presented): Promise<Identified>;
  methods(): { readonly password: true; readonly passkey: boolean; readonly oidc: { readonly name: string } | null };
  byLink(visitor: Visitor, current: Identity, token: string): Promise<Answer<SignedIn>>;
  byPassword(visitor: Visitor, body: z.infer<typeof wire.passwordBody>): Promise<Answer<SignedIn>>;
  /** For anyone: to sign in. For a signed-in person: to step up, over `requestDigest` where it is about one request. */
  passkeyOptions(identity: Identity, requestDigest: string | null): Promise<Answer<Begun<object>>>;
  byPasskey(visitor: Visitor, identity: Identity, attempt: string | undefined, response: unknown): Promise<Answer<SignedIn>>;
  startOidc(linkToken: string | null): Promise<Answer<{ readonly url: string; readonly cookie: Cookie }>>;
  /** `url`: the callback as it was called, with its query. */
  finishOidc(visitor: Visitor, attempt: string | undefined, url: string): Promise<Answer<SignedIn>>;
  me(identity: Identity): Promise<Answer<MeView>>;
  list(identity: Identity): Promise<Answer<{ readonly signIns: readonly SignInView[] }>>;
  end(identity: Identity, id: string): Promise<Answer<object>>;
  signOut(identity: Identity): Promise<Answer<{ readonly cookie: Cookie }>>;
  /** Ends every sign-in of the person and answers a new one. */
  changePassword(visitor: Visitor, identity: Identity, body: z.infer<typeof wire.newPasswordBody>): Promise<Answer<SignedIn>>;
  passkeyRegistrationOptions(identity: Identity): Promise<Answer<Begun<object>>>;
  addPasskey(identity: Identity, attempt: string | undefined, name: string, response: unknown): Promise<Answer<{ readonly passkeyId: string }>>;
  removePasskey(identity: Identity, id: string): Promise<Answer<object>>;
  /** A token of one's own for the command line, shown once. */
  makeToken(identity: Identity, about: string, days: number): Promise<Answer<{ readonly token: string; readonly expiresAt: number }>>;
  /** Forgets what has expired. */
  sweep(): Promise<void>;
}
