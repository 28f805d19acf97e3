/**
 * `countersign login` and `logout`: a one-time link becomes a token of its person for this command line. What the link opens is a
 * browser's sign-in; it makes the token and is ended at once.
 */
import { hostname } from "node:os";
import { people as wire } from "@countersign/sdk/wire";
import { z } from "zod";
import { checkedOrigin, clientOf, jsonOf, type ControlClient } from "./control-client.ts";
import { dropCredential, keepCredential } from "./credentials.ts";
import { CheckFailure, UsageError, type ExitCode, type Ports } from "./ports.ts";

export interface LoginOptions {
  readonly link: string;
  readonly days: number;
  /** Print the token and keep it nowhere: for a variable, or the secrets of a CI. */
  readonly print: boolean;
}

const signedIn = z.object({ csrf: z.string() });
const ANSWER_MS = 30_000;

export async function login({ link, days, print }: LoginOptions, env: NodeJS.ProcessEnv, { out }: Ports): Promise<ExitCode> {
  const { origin, token } = partsOf(link);
  const browser = await signInBy(origin, token);
  const made = wire.tokenMade.parse(await browser.post("/v1/me/tokens", { about: `countersign on ${hostname()}`.slice(0, 200), days }));
  await browser.post("/v1/sign-out");
  if (print) {
    out(made.token);
    return 0;
  }
  const client = clientOf(origin, made.token);
  const { person } = wire.me.parse(await client.request("GET", "/v1/me"));
  const { id } = wire.installation.parse(await client.request("GET", "/v1/installation"));
  const path = keepCredential(env, { url: origin, installation: id, person: person.name, token: made.token, expiresAt: made.expiresAt });
  out(`Signed in at ${origin} as ${person.name} until ${new Date(made.expiresAt).toISOString().slice(0, 10)}.\nThe token is in ${path}. It is you: keep it where no agent can read it. End it: countersign logout`);
  return 0;
}

export async function logout(client: ControlClient, env: NodeJS.ProcessEnv, { out }: Ports): Promise<ExitCode> {
  await client.request("POST", "/v1/sign-out");
  dropCredential(env, client.token);
  out(`Signed out at ${client.url}.`);
  return 0;
}

function partsOf(link: string): { readonly origin: string; readonly token: string } {
  const token = URL.canParse(link) ? new URLSearchParams(new URL(link).hash.slice(1)).get("link") : null;
  if (token === null) throw new UsageError("--link: the whole one-time link is expected, as countersign open or an invitation prints it. Quote it for the shell.");
  return { origin: checkedOrigin(link), token };
}

/** As a browser would: what it may do hangs on its cookie, its CSRF token and its origin together. */
async function signInBy(origin: string, token: string): Promise<{ post(path: string, body?: object): Promise<unknown> }> {
  const send = async (path: string, headers: Readonly<Record<string, string>>, body: object | undefined): Promise<Response> => {
    const json = body === undefined ? {} : { "content-type": "application/json" };
    let answer: Response;
    try {
      answer = await fetch(new URL(path, origin), { method: "POST", headers: { ...headers, ...json }, ...(body === undefined ? {} : { body: JSON.stringify(body) }), redirect: "error", signal: AbortSignal.timeout(ANSWER_MS) });
    } catch (cause) {
      throw new CheckFailure(`${origin} does not answer: ${cause instanceof Error ? cause.message : String(cause)}`);
    }
    if (answer.ok) return answer;
    throw new CheckFailure(answer.status === 401 ? "This link does not work, or not any more. Ask for a new one." : `The control plane answered ${answer.status}.`);
  };
  const opened = await send("/v1/sign-in/link", {}, { token });
  const { csrf } = signedIn.parse(await jsonOf(opened));
  const cookie = opened.headers.getSetCookie()[0]?.split(";")[0] ?? "";
  return {
    async post(path, body) {
      const answer = await send(path, { cookie, origin, "x-csrf-token": csrf }, body);
      return answer.status === 204 ? undefined : jsonOf(answer);
    },
  };
}
