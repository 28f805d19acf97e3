const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Undefined where the bytes are not UTF-8: a lenient decoder would read several byte strings as one text. A byte order mark stays. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}
