/** The page around a chart: one self-contained HTML file for `demo --html`, and one that refreshes itself for `sandbox --ui`. */
import { renderChart } from "./view/chart.ts";
import { markup, trusted, type Html } from "./view/html.ts";
import { LIVE_SCRIPT, POINTER_SCRIPT, STYLE } from "./view/style.ts";
import type { TimelineData } from "./recorder.ts";

/** Figures above the chart. */
export interface Tile {
  readonly label: string;
  readonly value: string;
  readonly tone?: "good" | "bad";
}
export interface PageOptions {
  readonly title: string;
  /** One sentence under the title. */
  readonly subtitle: string;
  readonly tiles: readonly Tile[];
}
/** The figures of a rotation under traffic. `proof`: HTTP statuses by origin, as in the report of `mcpist demo`. */
export function rotationTiles(
  traffic: { readonly sent: number; readonly failed: number; readonly p50Ms: number; readonly p99Ms: number },
  proof?: {
    readonly oldSecret: Readonly<Record<string, number>>;
    readonly newSecret: Readonly<Record<string, number>>;
  },
): readonly Tile[] {
  const milliseconds = (ms: number): string => `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
  const statuses = (label: string, by: Readonly<Record<string, number>>, wanted: number): Tile => ({
    label: `${label} at ${Object.keys(by).sort().join(", ")}`,
    value: Object.keys(by)
      .sort()
      .map((origin) => by[origin])
      .join(" · "),
    tone: Object.values(by).every((status) => status === wanted) ? "good" : "bad",
  });
  return [
    { label: "requests sent", value: traffic.sent.toLocaleString("en-US") },
    {
      label: "requests failed",
      value: traffic.failed.toLocaleString("en-US"),
      tone: traffic.failed === 0 ? "good" : "bad",
    },
    { label: "latency, median", value: milliseconds(traffic.p50Ms) },
    { label: "latency, 99 %", value: milliseconds(traffic.p99Ms) },
    ...(proof ? [statuses("old secret", proof.oldSecret, 403), statuses("new secret", proof.newSecret, 200)] : []),
  ];
}

/** Buttons of the live page. */
export interface ScenarioButton {
  readonly name: string;
  readonly text: string;
  readonly active: boolean;
}

function shell({ title, subtitle, tiles }: PageOptions, body: Html, script: string): string {
  const figures = tiles.map(
    ({ label, value, tone = "" }) =>
      markup`<div class="tile"><b class="${tone}">${value}</b><span>${label}</span></div>`,
  );
  const page = markup`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width,initial-scale=1" />
        <meta
          http-equiv="content-security-policy"
          content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'; form-action 'none'"
        />
        <title>${title}</title>
        <style>
          ${trusted(STYLE)}
        </style>
      </head>
      <body>
        <div class="page">
          <header>
            <p class="brand">mcpist</p>
            <h1>${title}</h1>
            <p>${subtitle}</p>
          </header>
          ${figures.length > 0 ? markup`<section class="tiles" aria-label="Figures">${figures}</section>` : null} ${body}
          <footer>A kid is the public name of a secret, never the secret. Times count from the start of the recording.</footer>
        </div>
        <script>
          ${trusted(script)};
        </script>
      </body>
    </html> `;
  return page.text;
}

/** Figures that a recording has by itself. */
function ownTiles({ samples }: TimelineData): readonly Tile[] {
  const sum = (pick: "sent" | "failed"): number => samples.reduce((total, sample) => total + sample[pick], 0);
  const [sent, failed] = [sum("sent"), sum("failed")];
  return [
    { label: "requests sent", value: sent.toLocaleString("en-US") },
    { label: "requests failed", value: failed.toLocaleString("en-US"), tone: failed === 0 ? "good" : "bad" },
  ];
}

/** One file for `demo --html`. What `options` leave out is taken from the recording. */
export function renderPage(data: TimelineData, options: Partial<PageOptions> = {}): string {
  const {
    title = "Gateway secret rotated under live traffic",
    subtitle = `Recorded in the sandbox, ${data.startedAt.slice(0, 16).replace("T", " ")} UTC.`,
    tiles = ownTiles(data),
  } = options;
  return shell({ title, subtitle, tiles }, renderChart(data), POINTER_SCRIPT);
}

/** The page that refreshes itself from the sandbox's control endpoint. */
export function renderLivePage(data: TimelineData, scenarios: readonly ScenarioButton[]): string {
  const buttons = scenarios.map(
    ({ name, text, active }) =>
      markup`<button type="button" data-scenario="${name}" aria-pressed="${String(active)}"><b>${name}</b><span>${text}</span></button>`,
  );
  const body = markup`<main id="live">${renderChart(data)}</main>
    <section class="card">
      <h2>Rehearse</h2>
      <div class="scenarios">${buttons}</div>
    </section>`;
  const words = { title: "Sandbox", subtitle: "The last two minutes, as they happen.", tiles: [] };
  return shell(words, body, POINTER_SCRIPT + LIVE_SCRIPT);
}
