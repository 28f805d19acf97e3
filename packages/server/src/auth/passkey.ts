/**
 * Passkeys (WebAuthn), verified by @simplewebauthn/server. A passkey always verifies its user (PIN, finger) and is found without
 * an address, so nobody learns from us who has one. The challenge is random, or the digest of one request: then the answer is a
 * signature by the person over that request. Keeps nothing; called by control/sign-in.
 */
import { isIP } from "node:net";
import { generateAuthenticationOptions, generateRegistrationOptions, verifyAuthenticationResponse, verifyRegistrationResponse } from "@simplewebauthn/server";
import { z } from "zod";
import type { Passkey, Person } from "../store/entity/directory.ts";

const CEREMONY_MS = 5 * 60_000;
/** COSE numbers of EdDSA, ES256 and RS256: what authenticators speak. */
const ALGORITHMS = [-8, -7, -257];
const bytes = z.string().max(16_384).regex(/^[A-Za-z0-9_-]+$/);
const credential = { id: bytes, rawId: bytes, type: z.literal("public-key") };

const attestationSchema = z.object({
  ...credential,
  response: z.object({ clientDataJSON: bytes, attestationObject: bytes, transports: z.array(z.string().max(40)).max(10).optional() }),
});
const assertionSchema = z.object({
  ...credential,
  response: z.object({ clientDataJSON: bytes, authenticatorData: bytes, signature: bytes, userHandle: bytes.nullish() }),
});

/** An assertion as a browser sent it: its form is checked, nothing else. */
export type Assertion = z.infer<typeof assertionSchema>;

export interface Registered {
  readonly id: string;
  readonly publicKey: string;
  readonly counter: number;
  readonly transports: readonly string[];
}

/** Browsers know no passkeys for an address: the host must be a name, `localhost` included, over HTTPS or on this machine. */
export function canUsePasskeys(origin: string): boolean {
  const { protocol, hostname } = new URL(origin);
  const isLocal = hostname === "localhost" || hostname.endsWith(".localhost");
  return isIP(hostname.replace(/^\[|\]$/g, "")) === 0 && (protocol === "https:" || isLocal);
}

export function registrationOptions(origin: string, person: { readonly id: string; readonly data: Person }): Promise<{ readonly challenge: string }> {
  return generateRegistrationOptions({
    rpName: "Countersign",
    rpID: new URL(origin).hostname,
    userID: Uint8Array.from(Buffer.from(person.id)),
    userName: person.data.email ?? person.data.name,
    userDisplayName: person.data.name,
    timeout: CEREMONY_MS,
    attestationType: "none",
    supportedAlgorithmIDs: ALGORITHMS,
    excludeCredentials: person.data.passkeys.map((it) => ({ id: it.id })),
    authenticatorSelection: { residentKey: "required", userVerification: "required" },
  });
}

/** `allowed`: ids of the only credentials that will do; empty where anybody may sign in. `requestDigest` in hex. */
export function assertionOptions(origin: string, allowed: readonly string[], requestDigest: string | null): Promise<{ readonly challenge: string }> {
  return generateAuthenticationOptions({
    rpID: new URL(origin).hostname,
    timeout: CEREMONY_MS,
    userVerification: "required",
    allowCredentials: allowed.map((id) => ({ id })),
    ...(requestDigest === null ? {} : { challenge: Uint8Array.from(Buffer.from(requestDigest, "hex")) }),
  });
}

/** Or in words for the log why it does not count. */
export async function checkRegistration(origin: string, challenge: string, answer: unknown): Promise<Registered | string> {
  const parsed = attestationSchema.safeParse(answer);
  if (!parsed.success) return "not an attestation";
  try {
    const { verified, registrationInfo } = await verifyRegistrationResponse({
      // The library reads none of the extensions' results here.
      response: { ...parsed.data, clientExtensionResults: {}, response: { ...parsed.data.response, transports: parsed.data.response.transports ?? [] } },
      expectedChallenge: challenge,
      expectedOrigin: origin,
      expectedRPID: new URL(origin).hostname,
      requireUserVerification: true,
      supportedAlgorithmIDs: ALGORITHMS,
    });
    if (!verified) return "the attestation does not verify";
    const { id, publicKey, counter, transports } = registrationInfo.credential;
    return { id, publicKey: Buffer.from(publicKey).toString("base64url"), counter, transports: transports ?? [] };
  } catch (error) {
    return words(error);
  }
}

export function readAssertion(answer: unknown): Assertion | undefined {
  return assertionSchema.safeParse(answer).data;
}

/** The id of the person that the authenticator keeps beside the key, where it told. */
export function personOfAssertion({ response }: Assertion): string | null {
  return response.userHandle === null || response.userHandle === undefined ? null : Buffer.from(response.userHandle, "base64url").toString();
}

/** The authenticator's new counter, or in words for the log why it does not count. */
export async function checkAssertion(origin: string, challenge: string, { response, ...rest }: Assertion, passkey: Passkey): Promise<{ readonly counter: number } | string> {
  const { userHandle, ...signed } = response;
  try {
    const { verified, authenticationInfo } = await verifyAuthenticationResponse({
      response: { ...rest, clientExtensionResults: {}, response: typeof userHandle === "string" ? { ...signed, userHandle } : signed },
      expectedChallenge: challenge,
      expectedOrigin: origin,
      expectedRPID: new URL(origin).hostname,
      expectedType: "webauthn.get",
      requireUserVerification: true,
      credential: { id: passkey.id, publicKey: Uint8Array.from(Buffer.from(passkey.publicKey, "base64url")), counter: passkey.counter },
    });
    return verified ? { counter: authenticationInfo.newCounter } : "the signature does not verify";
  } catch (error) {
    return words(error);
  }
}

function words(error: unknown): string {
  return error instanceof Error ? error.message.slice(0, 200) : "unreadable";
}
