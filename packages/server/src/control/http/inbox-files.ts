/**
 * The built inbox as it is served: read once, named by path, with an ETag each. Only what was in the folder when it was read can be
 * asked for, so no path leads anywhere else. Called by pages.ts.
 */
import { hash } from "node:crypto";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";

export type Coding = "br" | "gzip" | "identity";

export interface InboxFile {
  readonly contentType: string;
  /** Its name carries the hash of what is in it. */
  readonly immutable: boolean;
  readonly etag: string;
  /** Made when it is first asked for, and kept. */
  bytes(coding: Coding): Promise<Uint8Array<ArrayBuffer>>;
}

export interface InboxFiles {
  /** The app's shell; undefined where the inbox is not built. */
  readonly shell: InboxFile | undefined;
  /** By path, such as `/assets/index-B2xQ.js`. */
  readonly byPath: ReadonlyMap<string, InboxFile>;
}

/** Where the build puts it: beside the compiled server, also for a server that runs from its sources. */
const INBOX_FOLDER = fileURLToPath(new URL("../../../dist/inbox/", import.meta.url));

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".ico": "image/x-icon",
  ".woff2": "font/woff2",
  ".txt": "text/plain; charset=utf-8",
  ".webmanifest": "application/manifest+json",
};
const SHELL = "/index.html";
const HASHED = /^\/assets\/[\w.-]+-[\w-]{8}\.[a-z0-9]+$/;
const COMPRESSIBLE = new Set([".html", ".js", ".css", ".svg", ".txt", ".webmanifest"]);

export function readInboxFiles(folder: string = INBOX_FOLDER): InboxFiles {
  const byPath = new Map<string, InboxFile>();
  let shell: InboxFile | undefined;
  for (const path of existsSync(folder) ? filesBelow(folder) : []) {
    const contentType = TYPES[extname(path)];
    if (contentType === undefined) continue;
    const file = inboxFile(path, contentType, Uint8Array.from(readFileSync(join(folder, path))));
    if (path === SHELL) shell = file;
    else byPath.set(path, file);
  }
  return { shell, byPath };
}

/** Paths from the folder on, with a slash before them. What is not a plain file is none. */
function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(join(folder, "/").length))
    .map((path) => `/${path.replaceAll("\\", "/")}`);
}

function inboxFile(path: string, contentType: string, plain: Uint8Array<ArrayBuffer>): InboxFile {
  const made = new Map<Coding, Promise<Uint8Array<ArrayBuffer>>>([["identity", Promise.resolve(plain)]]);
  return {
    contentType,
    immutable: HASHED.test(path),
    etag: `"${hash("sha256", plain, "base64url").slice(0, 27)}"`,
    bytes(coding) {
      const wanted = COMPRESSIBLE.has(extname(path)) ? coding : "identity";
      const bytes = made.get(wanted) ?? compress(plain, wanted);
      made.set(wanted, bytes);
      return bytes;
    },
  };
}

async function compress(plain: Uint8Array, coding: Coding): Promise<Uint8Array<ArrayBuffer>> {
  const packed = coding === "br" ? await promisify(brotliCompress)(plain, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }) : await promisify(gzip)(plain, { level: 9 });
  return Uint8Array.from(packed);
}

export function isCompressed(file: InboxFile, coding: Coding): boolean {
  return coding !== "identity" && [...COMPRESSIBLE].some((ending) => TYPES[ending] === file.contentType);
}
