/** How things stand now, read for each scrape, and what the record tells as it grows. */
import { REQUEST_STATES } from "../../store/entity/approval-request.ts";
import type { Store } from "../../store/store.ts";
import type { Ledger } from "../ledger.ts";
import type { Requests } from "../request/requests.ts";
import type { EventHub } from "./events.ts";
import type { Metrics } from "../../metrics/metrics.ts";

export interface GaugedParts {
  readonly store: Pick<Store, "count">;
  readonly ledger: Pick<Ledger, "tenant" | "head" | "onRows">;
  readonly requests: Pick<Requests, "waiting">;
  readonly hub: Pick<EventHub, "size" | "dropped">;
}

export function addGauges(metrics: Metrics, { store, ledger, requests, hub }: GaugedParts): void {
  metrics.gauge("countersign_requests", "Approval requests by state", () =>
    Promise.all(REQUEST_STATES.map(async (state) => [{ state }, await store.count(ledger.tenant, "approval", { state })] as const)),
  );
  metrics.gauge("countersign_waiting_callers", "Callers that wait for a request to move", () => [[{}, requests.waiting]]);
  metrics.gauge("countersign_event_streams", "Open streams of live events", () => [[{}, hub.size]]);
  metrics.gauge("countersign_event_streams_dropped", "Streams ended because they read too slowly", () => [[{}, hub.dropped]]);
  metrics.gauge("countersign_record_seq", "Seq of the last row of the record", () => [[{}, ledger.head.seq]]);
  const rows = metrics.counter("countersign_rows_total", "Rows of the record seen by this process, by kind and event: decisions, claims, outcomes");
  ledger.onRows((lines) => {
    for (const { type, event } of lines) rows.add({ type, event: event ?? "" });
  });
}
