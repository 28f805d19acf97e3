/** The browser's side of a passkey (WebAuthn Level 3, JSON forms). What it answers is judged by the control plane. */
type JsonOptions = Readonly<Record<string, unknown>>;

export function canUsePasskeys(): boolean {
  return typeof PublicKeyCredential === "function" && "parseRequestOptionsFromJSON" in PublicKeyCredential;
}

/** Undefined where the person gave none. */
export async function askForPasskey(options: JsonOptions): Promise<object | undefined> {
  if (!canUsePasskeys()) return undefined;
  // As @simplewebauthn/server makes them: the JSON form of WebAuthn.
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options as unknown as PublicKeyCredentialRequestOptionsJSON);
  return answerOf(navigator.credentials.get({ publicKey }));
}

export async function makePasskey(options: JsonOptions): Promise<object | undefined> {
  if (!canUsePasskeys()) return undefined;
  // The same.
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options as unknown as PublicKeyCredentialCreationOptionsJSON);
  return answerOf(navigator.credentials.create({ publicKey }));
}

async function answerOf(asked: Promise<Credential | null>): Promise<object | undefined> {
  try {
    const credential = await asked;
    return credential instanceof PublicKeyCredential ? credential.toJSON() : undefined; // plain JSON by definition
  } catch {
    return undefined; // cancelled, timed out, or none on this device
  }
}
