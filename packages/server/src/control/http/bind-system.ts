/** Routes about this process: whether it is alive and ready, its metrics, its document, and its live events. */
import type { RouteName } from "@countersign/sdk/wire";
import { z } from "zod";
import { refuse } from "../refusal.ts";
import { bind } from "./binding.ts";
import type { Bound } from "./binding.ts";
import { PARTS } from "./health.ts";

const readiness = z.object({ ready: z.boolean(), parts: z.record(z.enum(PARTS), z.enum(["ok", "failing", "unknown"])) });

export const SYSTEM_BINDINGS = {
  health: bind({ answer: z.object({ status: z.literal("ok") }), run: async () => ({ kind: "json", body: { status: "ok" } }) }),
  ready: bind({
    answer: readiness,
    run: async ({ system }) => {
      const said = await system.ready();
      return { kind: "json", body: said, status: said.ready ? 200 : 503 };
    },
  }),
  metrics: bind({ status: 200, run: async ({ system }) => ({ kind: "text", text: await system.metricsText(), contentType: "text/plain; version=0.0.4; charset=utf-8" }) }),
  openapi: bind({
    answer: z.record(z.string(), z.unknown()),
    run: async ({ system }) => ({ kind: "text", text: system.openApiText(), contentType: "application/json" }),
  }),
  events: bind({
    stream: true,
    status: 200,
    run: async ({ system, seat }) => (system.openStream(seat) ? { kind: "sent" } : refuse("too_many", "streams of this credential", 5000)),
  }),
} as const satisfies Partial<Record<RouteName, Bound>>;
