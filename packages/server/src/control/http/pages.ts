/**
 * The pages of the inbox: the app's shell for the paths of PAGES, and the files that it loads. GET and HEAD only, for anyone, and
 * nothing in them is anybody's: what people see is fetched by the page over ROUTES. Reads no resource and changes nothing. Called by app.ts.
 */
import { PAGES } from "@countersign/sdk/wire";
import { refuse } from "../refusal.ts";
import type { Refusal } from "../refusal.ts";
import { isCompressed } from "./inbox-files.ts";
import type { Coding, InboxFile, InboxFiles } from "./inbox-files.ts";
import type { RequestHead } from "./request-head.ts";

export interface PageRequest {
  readonly path: string;
  readonly head: RequestHead;
}

export interface Pages {
  /** Whether this path is a page's or a file's of the inbox; whatever else is in the folder is not to be had. */
  has(path: string): boolean;
  /** A page may be opened from a link elsewhere; its files are loaded by the page alone. */
  isPage(path: string): boolean;
  /** Whether a person looks for a page that there is not: the shell says so to them, where a program gets a problem. */
  isLost(path: string, accept: string | undefined): boolean;
  answer(request: PageRequest): Promise<Response | Refusal>;
}

/** One part of a path is an id or nothing: what a page makes of it is judged again by the API. */
const PATTERNS = Object.values(PAGES).map((path) => new RegExp(`^${path.replaceAll(/\{\w+\}/g, String.raw`[\w.:-]{1,1400}`)}$`));
const YEAR = "public, max-age=31536000, immutable";
/** Asked for again each time, and answered with 304 where it is the same. */
const REVALIDATE = "no-cache";

export function createPages(files: InboxFiles): Pages {
  const isPage = (path: string): boolean => PATTERNS.some((pattern) => pattern.test(path));
  const isLost = (path: string, accept: string | undefined): boolean => files.shell !== undefined && !/^\/(?:v1|assets)(?:\/|$)/.test(path) && /^text\/html\b/i.test(accept ?? "");
  return {
    isPage,
    isLost,
    has: (path) => isPage(path) || files.byPath.has(path),
    async answer({ path, head }) {
      const file = isPage(path) ? files.shell : files.byPath.get(path);
      if (file === undefined && files.shell !== undefined && isLost(path, head.one("accept"))) return fileResponse(files.shell, head, 404);
      if (file === undefined) return refuse("not_found", isPage(path) ? "the inbox is not built: run `npm run build`" : "");
      return fileResponse(file, head);
    },
  };
}

async function fileResponse(file: InboxFile, head: RequestHead, status = 200): Promise<Response> {
  const coding = codingOf(head.one("accept-encoding") ?? "");
  const headers = { etag: file.etag, "cache-control": file.immutable ? YEAR : REVALIDATE, vary: "accept-encoding" };
  if (status === 200 && matches(head.one("if-none-match"), file.etag)) return new Response(null, { status: 304, headers });
  const bytes = await file.bytes(coding);
  const encoding = isCompressed(file, coding) ? { "content-encoding": coding } : {};
  return new Response(bytes, { status, headers: { ...headers, ...encoding, "content-type": file.contentType, "content-length": String(bytes.length) } });
}

/** RFC 9110 §13.1.2: weak comparison, and a proxy that compresses marks the tag as weak. */
function matches(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  return ifNoneMatch.split(",").some((one) => one.trim() === "*" || one.trim().replace(/^W\//, "") === etag);
}

function codingOf(accepted: string): Coding {
  const names = accepted.split(",").flatMap((one) => (/;\s*q=0(?:\.0*)?\s*$/.test(one) ? [] : [one.split(";")[0]?.trim().toLowerCase()]));
  return names.includes("br") ? "br" : names.includes("gzip") ? "gzip" : "identity";
}
