/** What messages about `countersign.yaml` say of its keys. Called by read-gateway-document.ts. */
import type { DocumentPath, DocumentWords } from "@countersign/sdk/policy";
import { GATEWAY_KEYS } from "./gateway-document.ts";

type Kind = keyof typeof GATEWAY_KEYS;

const HOMES: { readonly [kind in Kind]: string } = {
  document: "at the top of the document",
  gateway: "under `gateway`",
  server: "in a server of `servers`",
  upstreamOAuth: "under `oauth` of a server",
  clients: "under `clients`",
  clientOAuth: "under `clients.oauth`",
  controlPlane: "under `controlPlane`",
  limits: "under `limits`",
};

export const GATEWAY_WORDS: DocumentWords = {
  keys: GATEWAY_KEYS,
  homes: HOMES,
  kindOf,
  missing: {
    version: "Write `version: 1`.",
    gateway: "Write `gateway:` with `servers:` in it.",
    servers: "Write `servers:` with a name and a `command` or `url` for each.",
    issuer: "Write the address of the authorization server.",
    clientId: "Write the id that is registered there.",
    clientSecret: "Write ${env:CLIENT_SECRET}, and set that variable.",
    url: "Write the address.",
    apiKey: "Write ${env:COUNTERSIGN_API_KEY}, and set that variable.",
  },
  example: "Write `version: 1` and `gateway:` with `servers:` in it.",
  unnamed: [],
};

function kindOf(path: DocumentPath): Kind {
  const [, section, , part] = path;
  if (path.length === 0) return "document";
  if (section === "servers") return part === "oauth" ? "upstreamOAuth" : "server";
  if (section === "clients") return path.length > 2 ? "clientOAuth" : "clients";
  return section === "controlPlane" || section === "limits" ? section : "gateway";
}
