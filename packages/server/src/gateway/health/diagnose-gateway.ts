/** What is unsafe about a gateway, in words, with what to do: shown by `countersign doctor`. Hides nothing and mends nothing. */
import type { people } from "@countersign/sdk/wire";
import type { GatewayConfig } from "../../config/gateway-config.ts";
import { isLoopbackHost } from "../identity/identify-caller.ts";
import type { GatewayReadiness, Mode } from "./readiness.ts";

export interface DiagnoseFacts {
  readonly config: Pick<GatewayConfig, "listen" | "publicUrl" | "clients" | "servers">;
  readonly readiness: GatewayReadiness;
  /** Mode bits of the configuration file; undefined where there is none, or where files have none. */
  readonly fileMode: number | undefined;
}

const SEVERITY: { readonly [mode in Mode]: people.Diagnosis["severity"] | undefined } = {
  draining: undefined,
  canary_failed: "danger",
  no_policy: "warning",
  stale_policies: "warning",
  policies_unconfirmed: "note",
  policy_refused: "warning",
  zero_policies: "danger",
  no_control_plane: "note",
  control_plane_lost: "warning",
  control_plane_insecure: "danger",
  clock: "warning",
  configuration_refused: "warning",
};
const WRITABLE_BY_OTHERS = 0o022;

export function diagnoseGateway({ config, readiness, fileMode }: DiagnoseFacts): readonly people.Diagnosis[] {
  const fromConditions = readiness.conditions.flatMap(({ mode, message, mend = "See docs/gateway.md." }) => {
    const severity = SEVERITY[mode];
    return severity === undefined ? [] : [{ code: `gateway_${mode}`, severity, message, mend }];
  });
  return [...ofNetwork(config), ...ofServers(config), ...ofFile(fileMode), ...fromConditions];
}

function ofNetwork({ listen, publicUrl, clients }: DiagnoseFacts["config"]): people.Diagnosis[] {
  const found: people.Diagnosis[] = [];
  const isLoopback = isLoopbackHost(listen.host);
  if (!isLoopback) {
    found.push({
      code: "gateway_plain_http",
      severity: publicUrl?.protocol === "https:" ? "warning" : "danger",
      message: `The gateway listens on ${listen.host}:${listen.port} without TLS: whoever is on the way can take agents' keys and tokens, and read calls and answers.`,
      mend: "Put a proxy with TLS in front, name it as publicUrl, and listen on 127.0.0.1.",
    });
  } else if (clients.local) {
    found.push({ code: "gateway_local_clients", severity: "note", message: "Every program of this machine, of any of its users, may call without a credential.", mend: "On a machine that several people use: clients: required." });
  }
  if (publicUrl?.protocol === "http:" && !isLoopbackHost(publicUrl.hostname)) {
    found.push({ code: "gateway_plain_public_url", severity: "danger", message: `Clients reach the gateway in the clear, at ${publicUrl.origin}.`, mend: "Use https://." });
  }
  return found;
}

function ofServers({ servers }: DiagnoseFacts["config"]): people.Diagnosis[] {
  return [...servers.values()].flatMap(({ name, upstream }) => {
    if (upstream.kind !== "http") return [];
    const url = new URL(upstream.url);
    if (url.protocol === "https:" || isLoopbackHost(url.hostname)) return [];
    return [{ code: "gateway_plain_upstream", severity: "danger" as const, message: `${name} is reached in the clear, at ${url.origin}: calls, answers and its credentials can be read and changed on the way.`, mend: "Use https://." }];
  });
}

function ofFile(mode: number | undefined): people.Diagnosis[] {
  if (((mode ?? 0) & WRITABLE_BY_OTHERS) === 0) return [];
  return [{ code: "gateway_open_file", severity: "danger", message: "Other users of this machine can change the gateway's configuration, and with it what is started and what is asked about.", mend: "Run: chmod go-w FILE" }];
}
