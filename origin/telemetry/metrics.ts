/**
 * Counters of one origin process. Counting is a Map increment; prom-client is loaded at the first scrape and only renders.
 * Labels come from closed sets (outcomes, verdicts, registered tools), never from a request.
 */

/** Name of a counter to its help text and label names. */
const COUNTERS = {
  mcpist_requests_total: { help: "Requests to /mcp by outcome", labels: ["outcome"] },
  mcpist_calls_total: { help: "Executed tools by outcome", labels: ["module", "tool", "outcome"] },
  mcpist_refusals_total: { help: "Names refused by the Tool Sieve, by verdict", labels: ["verdict"] },
  mcpist_events_total: { help: "Security events before collapsing", labels: ["event"] },
} as const;

export type CounterName = keyof typeof COUNTERS;

/** Counts and renders. */
export interface Metrics {
  /** `labels` in the order in which the counter names them. */
  count(name: CounterName, ...labels: readonly string[]): void;
  /** A value that is read when scraped. */
  gauge(name: string, help: string, read: () => number): void;
  /** Prometheus text. */
  render(): Promise<{ readonly contentType: string; readonly text: string }>;
}

/** Builds the metrics. */
export function createMetrics(): Metrics {
  const counts = new Map<CounterName, Map<string, number>>();
  const gauges: { readonly name: string; readonly help: string; readonly read: () => number }[] = [];

  async function build() {
    const { Counter, Gauge, Registry, collectDefaultMetrics } = await import("prom-client");
    const registers = [new Registry()];
    const [registry] = registers;
    if (!registry) throw new TypeError("no registry");
    collectDefaultMetrics({ register: registry });
    for (const [name, { help, labels }] of Object.entries(COUNTERS) as [
      CounterName,
      (typeof COUNTERS)[CounterName],
    ][]) {
      new Counter({
        name,
        help,
        labelNames: [...labels],
        registers,
        collect() {
          this.reset();
          for (const [key, value] of counts.get(name) ?? []) {
            const texts = JSON.parse(key) as string[];
            this.inc(Object.fromEntries(labels.map((label, i) => [label, texts[i] ?? ""])), value);
          }
        },
      });
    }
    for (const { name, help, read } of gauges) {
      new Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(read());
        },
      });
    }
    return registry;
  }
  let built: ReturnType<typeof build> | null = null;

  return {
    count(name, ...labels) {
      const key = JSON.stringify(labels);
      const values = counts.get(name) ?? new Map<string, number>();
      counts.set(name, values.set(key, (values.get(key) ?? 0) + 1));
    },
    gauge(name, help, read) {
      gauges.push({ name, help, read });
    },
    async render() {
      built ??= build();
      const registry = await built;
      return { contentType: registry.contentType, text: await registry.metrics() };
    },
  };
}
