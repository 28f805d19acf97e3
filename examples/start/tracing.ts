/** OpenTelemetry as an application sets it up: the SDK writes its spans to whatever is there. Here they stay in memory. */
import { context, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";

export const tracer = trace.getTracer("countersign-start");

/** Sets it up. The returned function gives the spans that have ended so far. */
export function collectSpans(): () => readonly ReadableSpan[] {
  const exporter = new InMemorySpanExporter();
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] }));
  return () => exporter.getFinishedSpans();
}
