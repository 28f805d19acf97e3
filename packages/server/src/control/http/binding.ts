/** One route as it is served: which schemas its input must meet, which function of a resource answers, and with which status. */
import type { z } from "zod";
import type { Identity } from "../../auth/identity.ts";
import type { Cookie } from "../../auth/cookie.ts";
import type { Answer, Refusal } from "../refusal.ts";
import type { Visitor } from "../sign-in/sign-ins.ts";
import type { StreamSeat } from "./events.ts";
import type { Readiness } from "./health.ts";
import { BODY_BYTES } from "./limits.ts";
import { schemaRefusal } from "./problem-response.ts";
import type { Resources } from "./resources.ts";

export interface RouteContext {
  readonly resources: Resources;
  readonly identity: Identity;
  readonly visitor: Visitor;
  /** The part of the path that the route leaves open. */
  readonly id: string;
  /** Path and query, as asked for. */
  readonly url: string;
  readonly ifNoneMatch: string | undefined;
  /** A browser goes there with a whole window: what it is answered is what somebody looks at. */
  readonly isVisit: boolean;
  /** Ends when the client goes or the server closes. */
  readonly signal: AbortSignal;
  readonly maxWaitMs: number;
  /** Of the sign-in under way, where the browser has one. */
  readonly attempt: string | undefined;
  readonly system: System;
  readonly seat: StreamSeat;
}

/** How this process stands, for the routes that are about no resource. */
export interface System {
  ready(): Promise<Readiness>;
  metricsText(): Promise<string>;
  openApiText(): string;
  /** False where this identity has as many streams as it may. */
  openStream(seat: StreamSeat): boolean;
}

export type Reply =
  | { readonly kind: "json"; readonly body: object; readonly status?: number; readonly cookies?: readonly Cookie[]; readonly etag?: string }
  | { readonly kind: "empty"; readonly status: 204 | 304; readonly cookies?: readonly Cookie[]; readonly etag?: string }
  | { readonly kind: "redirect"; readonly location: string; readonly cookies: readonly Cookie[] }
  | { readonly kind: "lines"; readonly lines: AsyncIterable<string> }
  | { readonly kind: "text"; readonly text: string; readonly contentType: string }
  /** A stream that has the connection to itself. */
  | { readonly kind: "sent" };

export type Run = (context: RouteContext) => Promise<Reply | Refusal>;

export interface Bound {
  readonly query: z.ZodType | null;
  readonly body: z.ZodType | null;
  readonly answer: z.ZodType | null;
  readonly status: number;
  readonly maxBytes: number;
  /** Counts against the attempts to sign in of an address. */
  readonly attempt: boolean;
  /** Another origin may send the browser here; looking without that (HEAD) does nothing. */
  readonly navigable: boolean;
  /** The answer goes on and on, or is large: never made for HEAD. */
  readonly stream: boolean;
  /** Judges the input by the schemas; then what is left to do. */
  prepare(query: unknown, body: unknown): { readonly ok: true; readonly run: Run } | Refusal;
}

export interface BindOptions<Q, B> {
  readonly query?: z.ZodType<Q>;
  readonly body?: z.ZodType<B>;
  readonly answer?: z.ZodType;
  /** Of a success. Default 200, or 204 where there is no answer. */
  readonly status?: number;
  readonly maxBytes?: number;
  readonly attempt?: boolean;
  readonly navigable?: boolean;
  readonly stream?: boolean;
  readonly run: (context: RouteContext, input: { readonly query: Q; readonly body: B }) => Promise<Reply | Refusal>;
}

export function bind<Q = undefined, B = undefined>(options: BindOptions<Q, B>): Bound {
  const { query, body, answer, run, maxBytes = BODY_BYTES.small, attempt = false, navigable = false, stream = false } = options;
  return {
    query: query ?? null,
    body: body ?? null,
    answer: answer ?? null,
    status: options.status ?? (answer === undefined ? 204 : 200),
    maxBytes,
    attempt,
    navigable,
    stream,
    prepare(rawQuery, rawBody) {
      const readQuery = parse("query", query, rawQuery);
      if (!readQuery.ok) return readQuery;
      const readBody = parse("body", body, rawBody);
      if (!readBody.ok) return readBody;
      const input = { query: readQuery.value, body: readBody.value };
      return { ok: true, run: (context) => run(context, input) };
    },
  };
}

function parse<T>(part: "query" | "body", schema: z.ZodType<T> | undefined, input: unknown): { readonly ok: true; readonly value: T } | Refusal {
  // Without a schema T is `undefined`: see the defaults of `bind`.
  if (schema === undefined) return { ok: true, value: undefined as T };
  const read = schema.safeParse(input);
  return read.success ? { ok: true, value: read.data } : schemaRefusal(part, schema, read.error);
}

/** The answer's own fields as the body, or the refusal. */
export async function json<T extends object>(answer: Promise<Answer<T>>): Promise<Reply | Refusal> {
  const said = await answer;
  if (!said.ok) return said;
  const { ok: _, ...body } = said;
  return { kind: "json", body };
}

/** The one thing that the answer is about, as the body. */
export async function one<T extends object>(answer: Promise<Answer<T>>, pick: (said: T) => object): Promise<Reply | Refusal> {
  const said = await answer;
  return said.ok ? { kind: "json", body: pick(said) } : said;
}

export async function empty(answer: Promise<Answer<object>>): Promise<Reply | Refusal> {
  const said = await answer;
  return said.ok ? { kind: "empty", status: 204 } : said;
}
