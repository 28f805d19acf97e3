/** The end of a sign-in, told to the authorization server (RFC 7009) where it wants to know. */
import { selectClientAuthMethod } from "@modelcontextprotocol/client";
import { carefulFetch } from "./careful-fetch.ts";
import type { KeptSignIn } from "./kept-file.ts";

/** False where it could not be told, or has no way to be. Never rejects. */
export async function revokeSignIn(server: URL, { metadata, client, tokens }: KeptSignIn): Promise<boolean> {
  const endpoint = metadata.revocation_endpoint;
  if (endpoint === undefined) return false;
  const ask = carefulFetch(server);
  const { client_id, client_secret } = client;
  const isBasic = client_secret !== undefined && selectClientAuthMethod(client, metadata.token_endpoint_auth_methods_supported ?? []) === "client_secret_basic";
  const told = [tokens.refreshToken, tokens.accessToken].filter((token) => token !== undefined);
  const answers = await Promise.all(
    told.map(async (token) => {
      const body = new URLSearchParams({ token, ...(isBasic ? {} : { client_id, ...(client_secret === undefined ? {} : { client_secret }) }) });
      const headers = { "content-type": "application/x-www-form-urlencoded", ...(isBasic ? { authorization: `Basic ${Buffer.from(`${client_id}:${client_secret}`).toString("base64")}` } : {}) };
      try {
        return (await ask(endpoint, { method: "POST", headers, body })).ok;
      } catch {
        return false;
      }
    }),
  );
  // Access tokens that servers check by themselves cannot be taken back, and end soon.
  return answers[0] === true;
}
