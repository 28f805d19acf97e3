/**
 * Prometheus text format (0.0.4): counters, gauges that are read when asked, and histograms. Labels are from fixed lists only. Used by the
 * control plane (control/http) and the gateway (gateway/health); it knows neither.
 */

export interface Counter {
  add(labels?: Labels, by?: number): void;
}
export interface Histogram {
  observe(value: number, labels?: Labels): void;
}
/** Never changed once they were counted under. */
export type Labels = Readonly<Record<string, string>>;
export type Sample = readonly [labels: Labels, value: number];

export interface Metrics {
  counter(name: string, help: string): Counter;
  histogram(name: string, help: string, bounds: readonly number[]): Histogram;
  /** `read` is called for each scrape; where it fails the gauge is left out. */
  gauge(name: string, help: string, read: () => readonly Sample[] | Promise<readonly Sample[]>): void;
  text(): Promise<string>;
}

type Family = { readonly name: string; readonly help: string; readonly type: "counter" | "gauge" | "histogram"; readonly lines: () => readonly string[] | Promise<readonly string[]> };

export function createMetrics(): Metrics {
  const families: Family[] = [];
  return {
    counter(name, help) {
      const values = new Map<string, number>();
      families.push({ name, help, type: "counter", lines: () => [...values].map(([labels, value]) => `${name}${labels} ${value}`) });
      return {
        add(labels = {}, by = 1) {
          const key = labelText(labels);
          values.set(key, (values.get(key) ?? 0) + by);
        },
      };
    },
    histogram(name, help, bounds) {
      const series = new Map<string, { readonly labels: Labels; readonly counts: number[]; sum: number }>();
      families.push({ name, help, type: "histogram", lines: () => [...series.values()].flatMap((one) => histogramLines(name, bounds, one)) });
      return {
        observe(value, labels = {}) {
          const key = labelText(labels);
          const one = series.get(key) ?? { labels, counts: Array.from<number>({ length: bounds.length + 1 }).fill(0), sum: 0 };
          series.set(key, one);
          const bucket = bounds.findIndex((bound) => value <= bound);
          const index = bucket === -1 ? bounds.length : bucket;
          one.counts[index] = (one.counts[index] ?? 0) + 1;
          one.sum += value;
        },
      };
    },
    gauge(name, help, read) {
      families.push({ name, help, type: "gauge", lines: async () => (await read()).map(([labels, value]) => `${name}${labelText(labels)} ${value}`) });
    },
    async text() {
      const parts = await Promise.all(
        families.map(async ({ name, help, type, lines }) => {
          try {
            return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...(await lines())];
          } catch {
            return [];
          }
        }),
      );
      return `${parts.flat().join("\n")}\n`;
    },
  };
}

/** Whoever counts often keeps its labels: they are written once. */
const written = new WeakMap<Labels, string>();

function labelText(labels: Labels): string {
  const known = written.get(labels);
  if (known !== undefined) return known;
  const parts = Object.entries(labels).map(([name, value]) => `${name}="${value.replace(/[\\"\n]/g, (char) => (char === "\n" ? "\\n" : `\\${char}`))}"`);
  const text = parts.length === 0 ? "" : `{${parts.join(",")}}`;
  written.set(labels, text);
  return text;
}

function histogramLines(name: string, bounds: readonly number[], { labels, counts, sum }: { labels: Labels; counts: readonly number[]; sum: number }): string[] {
  let total = 0;
  const lines = counts.map((count, index) => {
    total += count;
    return `${name}_bucket${labelText({ ...labels, le: String(bounds[index] ?? "+Inf") })} ${total}`;
  });
  return [...lines, `${name}_sum${labelText(labels)} ${sum}`, `${name}_count${labelText(labels)} ${total}`];
}
