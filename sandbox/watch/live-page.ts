/** The page that shows a running sandbox: lanes of the last minutes, and buttons for scenarios. Part of the control endpoint. */
import type { SandboxUrls } from "../../contract/sandbox.ts";
import { renderChart } from "./view/chart.ts";
import { renderLivePage } from "./page-markup.ts";
import { SCENARIOS, type Scenarios } from "../scenarios.ts";
import type { Timeline } from "./timeline.ts";
import type { VendorApp } from "../vendors/vendor.ts";

/** What the page shows. Unit: milliseconds. */
const WINDOW_MS = 120_000;
const FRESH = { "cache-control": "no-store" } as const;

/** Adds the page. `watch` begins to record, when the page is first asked for: a sandbox that nobody looks at is not watched. */
export function addLivePage(app: VendorApp, scenarios: Scenarios, watch: () => Timeline): { stop(): Promise<void> } {
  let timeline: Timeline | null = null;
  const recent = () => (timeline ??= watch()).recording(WINDOW_MS);
  app.get("/ui", (c) => {
    const active = scenarios.active();
    const buttons = SCENARIOS.map(({ name, text }) => ({ name, text, active: active.includes(name) }));
    return c.html(renderLivePage(recent(), buttons), 200, FRESH);
  });
  app.get("/ui/chart", (c) => c.html(renderChart(recent()).text, 200, FRESH));
  return { stop: async () => void (await timeline?.stop()) };
}

/** Where the page of a running sandbox is. @throws {TypeError} when it was started without its control endpoint. */
export function livePageUrl({ urls }: { readonly urls: Pick<SandboxUrls, "control"> }): string {
  if (urls.control === "") throw new TypeError("the sandbox was started without its control endpoint");
  return `${urls.control}/ui`;
}
