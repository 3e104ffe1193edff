/** The traffic under the lanes: requests and failures a second as bars, latency as two lines. Pure. */
import { markup, trusted, type Html } from "./html.ts";
import type { TimelineData } from "../recorder.ts";

/** Requests, failures and latency over time; the SVGs are stretched, so they hold no text. @returns null without traffic. */
export function curves({ samples, binMs, fromMs, toMs }: TimelineData): Html | null {
  if (!samples.some((sample) => sample.sent > 0)) return null;
  const length = Math.max(1, toMs - fromMs);
  const at = (ms: number): number => ((ms - fromMs) / length) * 1000;
  const perSecond = (count: number): number => (count * 1000) / binMs;
  const top = Math.max(1, ...samples.map((sample) => perSecond(sample.sent)));
  const slowest = Math.max(1, ...samples.map((sample) => sample.p99Ms));
  const barWidth = Math.max(0.5, (binMs / length) * 1000 - 1);
  const rect = (ms: number, from: number, to: number, fill: string): Html =>
    markup`<rect
      x="${at(ms).toFixed(2)}"
      width="${barWidth.toFixed(2)}"
      y="${(100 - to).toFixed(2)}"
      height="${Math.max(0, to - from).toFixed(2)}"
      fill="var(--${fill})"
    />`;
  const bars = samples.map(({ atMs, sent, failed }) => {
    const [all, bad] = [(perSecond(sent) / top) * 100, (perSecond(failed) / top) * 100];
    return markup`${rect(atMs, 0, all - bad, "bar")}${failed > 0 ? rect(atMs, all - bad, all, "bad") : null}`;
  });
  const line = (pick: "p50Ms" | "p99Ms", style: string): Html => {
    const points = samples
      .filter((sample) => sample[pick] > 0)
      .map(
        (sample) => `${at(sample.atMs + binMs / 2).toFixed(2)},${(100 - (sample[pick] / slowest) * 100).toFixed(2)}`,
      );
    return markup`<polyline
      points="${points.join(" ")}"
      fill="none"
      vector-effect="non-scaling-stroke"
      stroke-linejoin="round"
      ${trusted(style)}
    />`;
  };
  const failures = samples.reduce((sum, sample) => sum + sample.failed, 0);
  const hasLatency = samples.some((sample) => sample.p99Ms > 0);
  return markup`<div class="group">Traffic through the gateway</div>
    <div class="row">
      <div class="name">requests a second</div>
      <div class="plot curve" role="img" aria-label="up to ${Math.round(top)} requests a second, ${failures} failed in all">
        <svg viewBox="0 0 1000 100" preserveAspectRatio="none">${bars}</svg><span class="scale">${Math.round(top)}/s</span>
      </div>
    </div>
    ${
      hasLatency
        ? markup`<div class="row">
            <div class="name">latency, p50 and p99</div>
            <div class="plot curve small" role="img" aria-label="99 % of requests within ${Math.round(slowest)} milliseconds or less">
              <svg viewBox="0 0 1000 100" preserveAspectRatio="none">
                ${line("p99Ms", 'stroke="var(--quiet)" stroke-width="1.5"')}${line("p50Ms", 'stroke="var(--ink)" stroke-width="1.5"')}</svg
              ><span class="scale">${Math.round(slowest)} ms</span>
            </div>
          </div>`
        : null
    }`;
}
