/** A server that is reached by its address: where it is, what is said to it with every request, and how it is called in messages. */

/** What a sign-in gives: the value of `Authorization`, and another one where the server does not take it any more. */
export interface Authorization {
  /** Undefined where there is none. Never rejects. */
  current(): Promise<string | undefined>;
  /** The server refused `refused`. True: there is another value now. Never rejects. */
  renew(refused: string | undefined): Promise<boolean>;
  /** What to do about a server that wants a sign-in, or more rights; for whoever runs the gateway. */
  readonly advice: (scope: string | undefined) => string;
}

/** Of one message; as a process may say. */
export const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

export interface RemoteServer {
  readonly url: URL;
  /** Sent with every request; secrets. */
  readonly headers: Readonly<Record<string, string>>;
  readonly authorization: Authorization | undefined;
}

/** In messages: no path and no query, since there are servers whose key is there. */
export function nameOfServer({ url }: Pick<RemoteServer, "url">): string {
  return `the server at ${url.origin}`;
}

/** Set from the messages themselves, or by what carries them. */
const OWN_HEADERS = /^(?:host|connection|keep-alive|transfer-encoding|content-length|content-type|content-encoding|accept|accept-encoding|expect|te|trailer|upgrade|last-event-id|mcp-.*|proxy-.*)$/i;
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const VALUE = /^[\t\u0020-\u007e\u0080-\u00ff]*$/;

/** Why a header cannot be sent with every request; undefined where it can. The value is not in it. */
export function whyNoHeader(name: string, value: string): string | undefined {
  if (!TOKEN.test(name)) return `${JSON.stringify(name)} is no name of a header`;
  if (OWN_HEADERS.test(name)) return `the header ${name} is the gateway's own`;
  if (!VALUE.test(value)) return `the value of ${name} has characters that no header can have`;
  return undefined;
}

/** The text, without what must stay between us and the server, should it have repeated that. */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  const parts = secrets.flatMap((secret) => [secret, ...secret.split(/[\s,;=]+/)]).filter((part) => part.length >= 6);
  return parts.toSorted((a, b) => b.length - a.length).reduce((left, part) => left.replaceAll(part, "…"), text);
}
