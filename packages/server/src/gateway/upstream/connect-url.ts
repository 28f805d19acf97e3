/** The connection to a server at an address, over whichever transport it speaks there. */
import { connectHttp } from "./connect-http.ts";
import { connectSse } from "./connect-sse.ts";
import type { RemoteServer } from "./remote/remote-server.ts";
import type { UpstreamConnection, UpstreamEnd, UpstreamListener } from "./upstream-connection.ts";

export const URL_TRANSPORTS = ["auto", "http", "sse"] as const;
export type UrlTransport = (typeof URL_TRANSPORTS)[number];

/** `auto`: Streamable HTTP, and where the server refuses to be initialised over it, server-sent events as of 2024-11-05 (MCP, "Backwards compatibility"). */
export function connectUrl(server: RemoteServer, transport: UrlTransport, listener: UpstreamListener): UpstreamConnection {
  switch (transport) {
    case "http":
      return connectHttp(server, listener);
    case "sse":
      return connectSse(server, listener);
    case "auto":
      return connectEither(server, listener);
  }
}

function connectEither(server: RemoteServer, listener: UpstreamListener): UpstreamConnection {
  const { promise: ended, resolve } = Promise.withResolvers<UpstreamEnd>();
  const follow = (connection: UpstreamConnection): UpstreamConnection => {
    void connection.ended.then((end) => connection === current && resolve(end));
    return connection;
  };
  let older: UpstreamConnection | undefined;
  let paused = false;
  const onUnsupported = (line: Buffer | string, { message }: { readonly message: string }): void => {
    if (older === undefined) {
      older = connectSse(server, listener, { otherwise: message });
      current = older;
      follow(older);
      if (paused) older.pause();
    }
    older.send(line);
  };
  let current = connectHttp(server, listener, { onUnsupported });
  follow(current);
  return {
    send: (line) => current.send(line),
    get unsent() {
      return current.unsent ?? 0;
    },
    pause() {
      paused = true;
      current.pause();
    },
    resume() {
      paused = false;
      current.resume();
    },
    ended,
    stop: () => current.stop(),
  };
}
