/** `within(path, dir)` of conditions: a question about names of paths alone. It knows nothing of symlinks, cases or what exists. */
import { Fault } from "./fault.ts";

/**
 * True for the directory itself and everything below it; a trailing slash plays no part and `\` separates too.
 * A Fault where a path could mean something else to whoever opens it.
 */
export function within(path: string, directory: string): boolean | Fault {
  const outer = readPath(directory, "directory");
  if (outer instanceof Fault) return outer;
  return isBelow(path, outer);
}

export interface ReadPath {
  /** "", "/" (a share: it began with two slashes) or a drive such as "c:". */
  readonly root: string;
  readonly segments: readonly string[];
}

export function isBelow(path: string, directory: ReadPath): boolean | Fault {
  const inner = readPath(path, "path");
  if (inner instanceof Fault) return inner;
  // "//etc/passwd" is /etc/passwd to one system and the share "passwd" of the host "etc" to another.
  if (isShare(inner) !== isShare(directory)) return new Fault("within: the path begins with two slashes and the directory does not, or the other way round");
  if ((inner.root === "") !== (directory.root === "")) return new Fault("within: one path names a drive and the other does not");
  return inner.root === directory.root && directory.segments.every((segment, index) => inner.segments[index] === segment);
}

export function readPath(path: string, name: "path" | "directory"): ReadPath | Fault {
  const doubt = doubtAbout(path);
  if (doubt !== undefined) return new Fault(`within: the ${name} ${doubt}`);
  const slashed = path.replaceAll("\\", "/");
  const drive = /^([A-Za-z]:)\//u.exec(slashed)?.[1];
  if (drive === undefined && !slashed.startsWith("/")) return new Fault(`within: the ${name} is not absolute`);
  const segments = slashed.slice(drive?.length ?? 0).split("/").filter((segment) => segment !== "" && segment !== ".");
  if (segments.some(isDots)) return new Fault(`within: the ${name} has a segment of dots, such as ".."`);
  return { root: drive?.toLowerCase() ?? (slashed.startsWith("//") ? "/" : ""), segments };
}

function doubtAbout(path: string): string | undefined {
  if (path === "") return "is empty";
  if (path.includes("\0")) return "holds NUL";
  if (ENCODED.test(path)) return "holds a percent-encoded dot, slash or percent sign";
  return LOOK_ALIKE.test(path) ? "holds a character that looks like a dot or a slash" : undefined;
}

/** `.`, `/`, `\`, NUL and `%` encoded, once or more, and the first bytes of their overlong forms. */
const ENCODED = /%(?:2e|2f|5c|00|25|c0|c1|e0|f0|u)/iu;
/** Full-width, small and other forms of dot, slash and backslash, some of which systems fold. */
const LOOK_ALIKE = /[\u2024\u2025\u2026\u2044\u2215\u2216\u29f5\u29f8\u29f9\ufe52\ufe68\uff0e\uff0f\uff3c\uff61\u3002]/u;

/** Systems that drop dots and spaces at a segment's end read ".. " and "..." as "..". */
function isDots(segment: string): boolean {
  return /^[. ]*$/u.test(segment);
}

function isShare({ root }: ReadPath): boolean {
  return root === "/";
}
