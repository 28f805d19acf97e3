/** A reply of a route as an HTTP response. Headers that every answer has are added by serve-route.ts. */
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { writeCookie } from "../../auth/cookie.ts";
import type { Cookie } from "../../auth/cookie.ts";
import type { Bound, Reply } from "./binding.ts";

export function writeReply(reply: Reply, bound: Bound): Response {
  switch (reply.kind) {
    case "json":
      return new Response(JSON.stringify(reply.body), {
        status: reply.status ?? bound.status,
        headers: withCookies({ "content-type": "application/json", ...etagOf(reply.etag) }, reply.cookies),
      });
    case "empty":
      return new Response(null, { status: reply.status, headers: withCookies(etagOf(reply.etag), reply.cookies) });
    case "redirect":
      return new Response(null, { status: 303, headers: withCookies({ location: reply.location }, reply.cookies) });
    case "text":
      return new Response(reply.text, { status: bound.status, headers: { "content-type": reply.contentType } });
    case "lines":
      return new Response(streamOf(reply.lines), { status: bound.status, headers: { "content-type": "application/jsonl; charset=utf-8" } });
    case "sent":
      return RESPONSE_ALREADY_SENT;
  }
}

function etagOf(etag: string | undefined): Record<string, string> {
  return etag === undefined ? {} : { etag };
}

function withCookies(fields: Record<string, string>, cookies: readonly Cookie[] = []): Headers {
  const headers = new Headers(fields);
  for (const cookie of cookies) headers.append("set-cookie", writeCookie(cookie));
  return headers;
}

/** Pulled line by line, so a slow reader slows the store's pages and fills no memory. */
function streamOf(lines: AsyncIterable<string>): ReadableStream<Uint8Array> {
  const iterator = lines[Symbol.asyncIterator]();
  const encoder = new TextEncoder();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await iterator.next();
      if (done === true) controller.close();
      else controller.enqueue(encoder.encode(`${value}\n`));
    },
    async cancel() {
      await iterator.return?.();
    },
  });
}
