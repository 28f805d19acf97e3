import { describe, expect, it } from "vitest";
import { CREDENTIALS, recordResources } from "./fixture/recording-resources.ts";
import { serveApp } from "./fixture/serve-app.ts";
import { createMetrics } from "../../metrics/metrics.ts";

describe("metrics", () => {
  it("are written as Prometheus reads them", async () => {
    const metrics = createMetrics();
    const counter = metrics.counter("c_total", "A counter");
    counter.add({ route: 'a"b\\c\nd' });
    counter.add({ route: 'a"b\\c\nd' }, 2);
    const histogram = metrics.histogram("h", "A histogram", [1, 5]);
    for (const value of [0.5, 1, 4, 9]) histogram.observe(value, { k: "v" });
    metrics.gauge("g", "A gauge", async () => [[{}, 7]]);
    metrics.gauge("broken", "A gauge that fails", () => Promise.reject(new Error("away")));
    expect(await metrics.text()).toBe(
      [
        "# HELP c_total A counter",
        "# TYPE c_total counter",
        'c_total{route="a\\"b\\\\c\\nd"} 3',
        "# HELP h A histogram",
        "# TYPE h histogram",
        'h_bucket{k="v",le="1"} 2',
        'h_bucket{k="v",le="5"} 3',
        'h_bucket{k="v",le="+Inf"} 4',
        'h_sum{k="v"} 14.5',
        'h_count{k="v"} 4',
        "# HELP g A gauge",
        "# TYPE g gauge",
        "g 7",
        "",
      ].join("\n"),
    );
  });

  it("count requests by route and status; what was asked for never becomes a label", async () => {
    const app = await serveApp(recordResources().resources);
    await app.send({ method: "GET", path: "/healthz" });
    await app.send({ method: "GET", path: "/v1/approvals/some-secret-id", headers: CREDENTIALS["an owner"].headers });
    await app.send({ method: "GET", path: "/secret-path" });
    const { text, headers } = await app.send({ method: "GET", path: "/metrics", headers: CREDENTIALS["the operator"].headers });
    await app.close();
    expect(headers["content-type"]).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(text).toContain('countersign_http_requests_total{route="health",status="200"} 1');
    expect(text).toContain('countersign_http_requests_total{route="readRequest",status="200"} 1');
    expect(text).toContain('countersign_http_requests_total{route="none",status="404"} 1');
    expect(text).not.toContain("secret");
  });
});
