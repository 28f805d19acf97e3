import { escapeText } from "@countersign/sdk";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";

/** Prints spans as a tree, each with what Countersign says about it. */
export function printSpans(spans: readonly ReadableSpan[]): void {
  const ids = new Set(spans.map((span) => span.spanContext().spanId));
  for (const root of spans.filter((span) => !ids.has(span.parentSpanContext?.spanId ?? ""))) {
    console.log(`   ${title(root)}`);
    const children = spans.filter((span) => span.parentSpanContext?.spanId === root.spanContext().spanId);
    for (const [index, child] of children.entries()) printChild(child, index === children.length - 1);
  }
}

function printChild(span: ReadableSpan, isLast: boolean): void {
  console.log(`   ${isLast ? "└─" : "├─"} ${title(span)}`);
  const governance = Object.entries(span.attributes).filter(([key]) => key.startsWith("waxell.mcp."));
  const width = Math.max(...governance.map(([key]) => key.length));
  for (const [key, value] of governance) console.log(`   ${isLast ? " " : "│"}     ${key.padEnd(width)}  ${shown(value)}`);
}

function title(span: ReadableSpan): string {
  const [seconds, nanoseconds] = span.duration;
  return `${escapeText(span.name)}  ${Math.round(seconds * 1000 + nanoseconds / 1e6)} ms`;
}

/** A digest is cut to its start: enough to compare by eye. */
function shown(value: unknown): string {
  const text = Array.isArray(value) ? value.join(", ") : String(value);
  return /^[0-9a-f]{64}$/.test(text) ? `${text.slice(0, 16)}…` : escapeText(text);
}
