/**
 * Catches copies of the official clients that are loaded after `init`: a line appended to the module hands its class over
 * while the module is still being evaluated, so no client of it can exist before it is governed.
 */
import { randomUUID } from "node:crypto";
import * as nodeModule from "node:module";
import { fileURLToPath } from "node:url";
import type { ClientClass } from "./client-like.ts";

const CLIENT_FILE = /\/@modelcontextprotocol\/(?:sdk\/dist\/(?:esm|cjs)\/client\/index\.js|client\/dist\/index\.[mc]js)$/;

/** Returns a function that ends the watch, or undefined where this runtime has no module hooks. */
export function watchLoads(onLoaded: (clientClass: ClientClass, file: string) => void): (() => void) | undefined {
  if (typeof nodeModule.registerHooks !== "function") return undefined;
  // A name of its own: another copy of the SDK in this process watches too, and appends its line to the same module.
  const name = `countersignLoaded_${randomUUID().replaceAll("-", "")}`;
  const bridge = (exported: unknown, url: string): void => {
    const clientClass: unknown = exported !== null && typeof exported === "object" ? Reflect.get(exported, "Client") : undefined;
    if (typeof clientClass === "function") onLoaded(clientClass, url.startsWith("file:") ? fileURLToPath(url) : url);
  };
  Reflect.set(globalThis, Symbol.for(name), bridge);
  const hooks = nodeModule.registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      if (!CLIENT_FILE.test(url.replace(/[?#].*$/, "")) || loaded.source === null || loaded.source === undefined) return loaded;
      const source = typeof loaded.source === "string" ? loaded.source : new TextDecoder().decode(loaded.source);
      return { ...loaded, source: source + handOver(name, url, loaded.format === "module") };
    },
  });
  return () => {
    hooks.deregister();
    Reflect.deleteProperty(globalThis, Symbol.for(name));
  };
}

/** The appended line. An ES module may import itself; its exports are live by the time this runs. */
function handOver(name: string, url: string, isEsm: boolean): string {
  const call = (exported: string): string => `globalThis[Symbol.for("${name}")]?.(${exported}, ${JSON.stringify(url)});\n`;
  return isEsm ? `\n;import * as ${name} from ${JSON.stringify(url)};${call(name)}` : `\n;${call("module.exports")}`;
}
