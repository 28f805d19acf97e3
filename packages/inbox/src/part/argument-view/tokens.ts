/** Colours for a line that was escaped already: pieces that, one after the other, are that line again. Pure. */
import type { Reading } from "./reading.ts";

export type Tone = "plain" | "word" | "string" | "number" | "act" | "note";
export interface Token {
  readonly text: string;
  readonly tone: Tone;
}

const RULES: { readonly [K in Reading]: RegExp | undefined } = {
  text: undefined,
  url: undefined,
  // What chains, redirects, expands and comments.
  shell: /(?<string>'[^']*'|"(?:[^"\\]|\\.)*")|(?<act>\$\(|\$\{|`|&&|\|\||[|;&<>]+)|(?<word>\b(?:sudo|rm|mv|dd|chmod|chown|curl|wget|eval|exec|kill|mkfs|sh|bash|ssh|scp|nc)\b)|(?<note>(?:^|\s)#.*$)/g,
  sql: /(?<string>'(?:[^']|'')*')|(?<note>--.*$)|(?<act>\b(?:drop|delete|truncate|alter|grant|revoke|update|insert|replace|merge)\b)|(?<word>\b(?:select|from|where|and|or|not|join|left|right|inner|outer|on|group|by|order|having|limit|offset|into|values|set|table|create|as|with|union|all|distinct|case|when|then|else|end|null|is|in|like|between|exists|returning|cascade)\b)|(?<number>\b\d+(?:\.\d+)?\b)/gi,
  json: /(?<string>"(?:[^"\\]|\\.)*")|(?<number>-?\b\d+(?:\.\d+)?(?:[eE][+-]?\d+)?\b)|(?<word>\b(?:true|false|null)\b)/g,
};

export function tokensOf(reading: Reading, shown: string): readonly Token[] {
  const rule = RULES[reading];
  if (rule === undefined || shown === "") return [{ text: shown, tone: "plain" }];
  const tokens: Token[] = [];
  let end = 0;
  for (const match of shown.matchAll(rule)) {
    if (match[0] === "") continue;
    if (match.index > end) tokens.push({ text: shown.slice(end, match.index), tone: "plain" });
    tokens.push({ text: match[0], tone: toneOf(match.groups ?? {}) });
    end = match.index + match[0].length;
  }
  if (end < shown.length) tokens.push({ text: shown.slice(end), tone: "plain" });
  return tokens;
}

function toneOf(groups: Readonly<Record<string, string | undefined>>): Tone {
  for (const tone of ["word", "string", "number", "act", "note"] as const) if (groups[tone] !== undefined) return tone;
  return "plain";
}
