/**
 * All servers joined, as HTTP clients reach them: sessions of the older protocol, each with connections of its own to every server, and
 * requests of the newer. Who calls, and what governs the calls of each server, comes with each request. Made by cli/.
 */
import type { HttpEndpoint } from "../http/http-endpoint.ts";
import { createSessionEndpoint, type SessionEndpointOptions } from "../http/session-endpoint.ts";
import { JoinedExchanges } from "./joined-exchanges.ts";
import type { JoinedServers } from "./joined-servers.ts";
import { beginJoined, JOINED_LIMITS, type JoinedLimits } from "./joined-session.ts";

export interface JoinedEndpointOptions extends Pick<SessionEndpointOptions, "limits" | "resumeMs" | "openAfterMs" | "keepAliveMs" | "onWarning"> {
  readonly servers: JoinedServers;
  readonly joinedLimits?: Partial<JoinedLimits> | undefined;
}

export function createJoinedEndpoint({ servers, joinedLimits, ...options }: JoinedEndpointOptions): HttpEndpoint {
  const { onWarning } = options;
  return createSessionEndpoint({
    ...options,
    connect: nobody,
    server: nobody,
    begin: beginJoined(servers, joinedLimits),
    stateless: (upstream, exchanges) => new JoinedExchanges({ servers, upstream, exchanges, limits: { ...JOINED_LIMITS, ...joinedLimits }, onWarning }),
  });
}

function nobody(): never {
  throw new TypeError("each of the joined servers has a connection of its own");
}
