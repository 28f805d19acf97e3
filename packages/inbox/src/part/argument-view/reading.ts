/** What a text looks like, by simple signs. It changes colours and adds a table beside it, never what is shown. Pure. */
export type Reading = "text" | "shell" | "sql" | "json" | "url";

const SHELL_KEY = /^(command|cmd|script|shell|bash|sh|exec|run|commandline|command_line)$/i;
const SQL_KEY = /^(sql|query|statement)$/i;
const SQL_START = /^\s*(?:--[^\n]*\n\s*)*(?:select|insert\s+into|update\s+\S+\s+set|delete\s+from|create|drop|alter|truncate|with\s+\w+\s+as|grant|revoke|merge\s+into|replace\s+into|vacuum|explain)\b/i;
const URL_SHAPE = /^[a-z][a-z0-9+.-]*:\/\/\S+$/i;
/** Parsing more to choose a colour is not worth it. */
const JSON_LENGTH = 200_000;

export const READING_WORDS: { readonly [K in Exclude<Reading, "text">]: string } = { shell: "Shell command", sql: "SQL", json: "JSON inside a text", url: "Address" };

export function readingOf(key: string, text: string): Reading {
  if (URL_SHAPE.test(text) && URL.canParse(text)) return "url";
  if (SQL_START.test(text) || (SQL_KEY.test(key) && /\b(?:select|from|where|set|values|table)\b/i.test(text))) return "sql";
  if (text.startsWith("#!") || SHELL_KEY.test(key)) return "shell";
  return isJson(text) ? "json" : "text";
}

function isJson(text: string): boolean {
  if (text.length > JSON_LENGTH || !/^\s*[{[][^]*[}\]]\s*$/.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

export interface UrlPart {
  readonly name: string;
  readonly text: string;
}

/** The parts of an address as a browser takes it apart; a host in another script is told as it goes over the wire. */
export function urlParts(text: string): readonly UrlPart[] {
  const url = new URL(text);
  return [
    { name: "scheme", text: url.protocol.slice(0, -1) },
    { name: "user", text: url.username },
    { name: "password", text: url.password },
    { name: "host", text: url.hostname },
    { name: "port", text: url.port },
    { name: "path", text: url.pathname },
    ...[...url.searchParams].map(([name, value]) => ({ name: "query", text: `${name} = ${value}` })),
    { name: "fragment", text: url.hash.slice(1) },
  ].filter((part) => part.text !== "");
}
