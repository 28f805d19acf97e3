/**
 * Whether a URI can be of a template (RFC 6570), to find the server that it is read from; the server itself knows for certain. Leniently,
 * and in time that grows with template and URI alone, whoever wrote them.
 */
const MAX_TEMPLATE = 2_048;
const MAX_URI = 8_192;
const MAX_PARTS = 64;
/** Characters that a plain expression never makes: they are what is between its values. */
const DELIMITERS = new Set(["/", "?", "#"]);

export type UriTemplate = readonly TemplatePart[];
type TemplatePart = { readonly literal: string } | { readonly literal: undefined; /** It makes these too. */ readonly delimiters: boolean };

/** Undefined where it is none, or a monster. */
export function readTemplate(text: string): UriTemplate | undefined {
  if (text.length > MAX_TEMPLATE) return undefined;
  const parts: TemplatePart[] = [];
  let at = 0;
  while (at < text.length) {
    const open = text.indexOf("{", at);
    const end = open < 0 ? text.length : open;
    if (end > at) parts.push({ literal: text.slice(at, end) });
    if (open < 0) break;
    const close = text.indexOf("}", open);
    if (close < 0) return undefined;
    parts.push({ literal: undefined, delimiters: "+#/?&;.".includes(text.charAt(open + 1)) });
    at = close + 1;
  }
  return parts.length > MAX_PARTS ? undefined : parts;
}

export function matchesTemplate(template: UriTemplate, uri: string): boolean {
  if (uri.length > MAX_URI) return false;
  let reached = new Uint8Array(uri.length + 1);
  reached[0] = 1;
  for (const part of template) reached = part.literal === undefined ? afterExpression(uri, reached, part.delimiters) : afterLiteral(uri, reached, part.literal);
  return reached[uri.length] === 1;
}

function afterLiteral(uri: string, from: Uint8Array, literal: string): Uint8Array<ArrayBuffer> {
  const reached = new Uint8Array(uri.length + 1);
  for (let at = uri.indexOf(literal); at >= 0; at = uri.indexOf(literal, at + 1)) if (from[at] === 1) reached[at + literal.length] = 1;
  return reached;
}

function afterExpression(uri: string, from: Uint8Array, delimiters: boolean): Uint8Array<ArrayBuffer> {
  const reached = new Uint8Array(uri.length + 1);
  for (let at = 0, inside = false; at <= uri.length; at++) {
    inside ||= from[at] === 1;
    if (inside) reached[at] = 1;
    if (!delimiters && DELIMITERS.has(uri.charAt(at))) inside = false;
  }
  return reached;
}
