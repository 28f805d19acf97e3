/** Credentials of people that come and go: kept by the hash of their secret, so that a dump of the store opens nothing. */
import type { Assurance } from "@countersign/sdk";

/** A signed-in browser or command line. Its id is the hex SHA-256 of the token. */
export interface SignIn {
  readonly personId: string;
  readonly assurance: Assurance;
  /** When a passkey was last used in it, or null. */
  readonly passkeyAt: number | null;
  /** What that passkey signed, where it was the digest of a request. */
  readonly signedDigest: string | null;
  /** Hex SHA-256 of the CSRF token. */
  readonly csrfHash: string;
  readonly via: "link" | "password" | "passkey" | "oidc" | "token";
  readonly about: string;
  readonly createdAt: number;
  readonly lastUsedAt: number;
  readonly expiresAt: number;
}

/** A link that works once. Its id is the hex SHA-256 of the token. */
export interface OneTimeLink {
  readonly purpose: "owner" | "invitation" | "sign_in";
  readonly personId: string | null;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly usedAt: number | null;
}

/** A sign-in under way: WebAuthn challenge, OpenID state. Its id is the hex SHA-256 of the token in the browser's cookie. */
export interface SignInAttempt {
  readonly kind: "passkey" | "passkey_registration" | "oidc";
  readonly facts: { readonly [key: string]: string };
  readonly personId: string | null;
  readonly createdAt: number;
  readonly expiresAt: number;
}
