/** Which endpoint a path names: /NAME/mcp, and /mcp where one alone is served or one is the default. Paths are compared as they come. */
import type { HttpEndpoint } from "./http-endpoint.ts";

export interface ServedEndpoint {
  /** Of the server, as policies name it. Undefined: it is several, at /mcp alone. */
  readonly name: string | undefined;
  readonly endpoint: HttpEndpoint;
  /** At /mcp too. */
  readonly isDefault?: boolean;
}

export interface Routes {
  readonly endpoints: readonly HttpEndpoint[];
  /** `url` as it stands in the request. */
  find(url: string): HttpEndpoint | undefined;
}

/** Throws TypeError where two have one name, or two are the default. */
export function createRoutes(served: readonly ServedEndpoint[]): Routes {
  const byPath = new Map<string, HttpEndpoint>();
  const add = (path: string, endpoint: HttpEndpoint): void => {
    if (byPath.has(path)) throw new TypeError(`two servers would be served at ${path}`);
    byPath.set(path, endpoint);
  };
  for (const { name, endpoint, isDefault = served.length === 1 } of served) {
    if (name !== undefined) add(`/${encodeURIComponent(name)}/mcp`, endpoint);
    if (isDefault || name === undefined) add("/mcp", endpoint);
  }
  return {
    endpoints: served.map(({ endpoint }) => endpoint),
    find(url) {
      const query = url.indexOf("?");
      return byPath.get(query < 0 ? url : url.slice(0, query));
    },
  };
}
