/**
 * Draws a recording: a lane per party with the kids it sends or accepts, the steps above, and everything once more as a table.
 * Pure; knows kids, never values.
 */
import { ZERO_TOMBSTONE } from "../../../contract/gateway-secret.ts";
import { curves } from "./curves.ts";
import { markup, type Html } from "./html.ts";
import { KID_COLOURS } from "./style.ts";
import type { Lane, PartyState, Span, TimelineData } from "../recorder.ts";

/** Characters of a kid that are shown in a bar. */
const SHORT_KID = 6;
/** At most so many labels on the time axis. */
const MAX_TICKS = 10;
const TICK_SECONDS = [1, 2, 5, 10, 15, 30, 60, 120, 300] as const;
const GROUPS = ["GitHub", "Cloudflare", "Koyeb", "Fly.io"] as const;
const GROUP_TEXT: Readonly<Record<Lane["group"], string>> = {
  GitHub: "GitHub · the vault, slots a and b",
  Cloudflare: "Gateway on Cloudflare · the secret that each edge sends",
  Koyeb: "Origin on Koyeb · the secrets that each instance accepts, slots a and b",
  "Fly.io": "Origin on Fly.io · the secrets that each Machine accepts, slots a and b",
};

const clock = (ms: number): string => {
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
};
const kidIn = (report: string): string => report.replace(/^revoked:/, "");

/** Kids in the order in which they appear, so that the old secret has the first colour and the new one the second. */
export function kidsOf(data: TimelineData): readonly string[] {
  const spans = data.lanes.flatMap((lane) => lane.spans).sort((a, b) => a.fromMs - b.fromMs);
  const live = spans.flatMap(({ state }) => [state.sends ?? null, state.slots?.a ?? null, state.slots?.b ?? null]);
  return [...new Set(live.filter((report): report is string => report !== null && !report.startsWith("revoked:")))];
}

/** Everything about one drawing that its parts need. */
interface Drawing {
  readonly data: TimelineData;
  readonly kids: readonly string[];
  /** Position of a time, in percent of the plot's width. */
  readonly x: (ms: number) => string;
}

function drawing(data: TimelineData): Drawing {
  const length = Math.max(1, data.toMs - data.fromMs);
  return { data, kids: kidsOf(data), x: (ms) => `${(((ms - data.fromMs) / length) * 100).toFixed(3)}%` };
}

const width = ({ data }: Drawing, from: number, to: number): string =>
  `${(((to - from) / Math.max(1, data.toMs - data.fromMs)) * 100).toFixed(3)}%`;
const colour = ({ kids }: Drawing, kid: string): string =>
  `k${Math.min(KID_COLOURS - 1, Math.max(0, kids.indexOf(kid)))}`;

/** A state in words: for tooltips, the table and screen readers. */
export function describe({ activity, sends, slots, rollout }: PartyState): string {
  const slot = (report: string | null): string => {
    if (report === null) return "empty";
    return report === ZERO_TOMBSTONE ? "never used" : report.replace("revoked:", "revoked ");
  };
  const parts = [
    activity === "holding" ? null : activity,
    sends === undefined ? null : `sends ${sends ?? "no usable secret"}`,
    slots ? `a: ${slot(slots.a)}, b: ${slot(slots.b)}` : null,
    rollout ?? null,
  ];
  return parts.filter((part) => part !== null).join(" · ");
}

/** A stretch of a lane in which nothing that is drawn changes: the whole height, or the half of one slot. */
interface Bar {
  readonly fromMs: number;
  readonly toMs: number;
  readonly half: "whole" | "upper" | "lower";
  readonly activity: PartyState["activity"];
  /** A kid, `revoked:<kid>`, or null for an empty slot. Absent = only the activity is known. */
  readonly report?: string | null;
}

/** Joins neighbours that look the same, slot by slot: a change of one slot does not cut the other's bar. */
export function barsOf(spans: readonly Span[]): readonly Bar[] {
  const bars = spans.flatMap(({ fromMs, toMs, state: { activity, sends, slots } }): Bar[] => {
    const base = { fromMs, toMs, activity };
    if (sends !== undefined) return [{ ...base, half: "whole", report: sends }];
    if (!slots) return [{ ...base, half: "whole" }];
    return [
      { ...base, half: "upper", report: slots.a },
      { ...base, half: "lower", report: slots.b },
    ];
  });
  const joined: Bar[] = [];
  for (const bar of bars) {
    const before = joined.findLastIndex(({ half, toMs }) => half === bar.half && toMs === bar.fromMs);
    const last = joined[before];
    if (last?.activity === bar.activity && last.report === bar.report) joined[before] = { ...last, toMs: bar.toMs };
    else joined.push(bar);
  }
  return joined;
}

function barLook(d: Drawing, { report, activity, half }: Bar): { readonly look: string; readonly label: Html } {
  if (report === undefined) return { look: "state", label: markup`${activity}` };
  if (report === null)
    return { look: half === "whole" ? "state" : "empty", label: markup`${half === "whole" ? "no secret" : ""}` };
  if (report === ZERO_TOMBSTONE) return { look: "empty", label: markup`never used` };
  const kid = kidIn(report).slice(0, SHORT_KID);
  return report.startsWith("revoked:")
    ? { look: "dead", label: markup`<s>${kid}</s>` }
    : { look: colour(d, report), label: markup`${kid}` };
}

function barView(d: Drawing, bar: Bar): Html {
  const { look, label } = barLook(d, bar);
  const position = `left:${d.x(bar.fromMs)};width:${width(d, bar.fromMs, bar.toMs)}`;
  return markup`<div class="bar ${bar.half} ${bar.activity}" style="${position}">
    <i class="${look}"><span>${label}</span></i>
  </div>`;
}

/** Tooltips: one invisible area per state, over the bars. */
const areaView = (d: Drawing, { fromMs, toMs, state }: Span): Html =>
  markup`<div
    class="area"
    style="left:${d.x(fromMs)};width:${width(d, fromMs, toMs)}"
    title="${clock(fromMs)} to ${clock(toMs)}: ${describe(state)}"
  ></div>`;

function laneRow(d: Drawing, lane: Lane): Html {
  const spoken = lane.spans
    .map((span) => `${clock(span.fromMs)} to ${clock(span.toMs)} ${describe(span.state)}`)
    .join("; ");
  return markup`<div class="row">
    <div class="name mono" title="${lane.id}">${lane.title}</div>
    <div class="plot" role="img" aria-label="${lane.group}, ${lane.title}: ${spoken}">
      ${barsOf(lane.spans).map((bar) => barView(d, bar))}${lane.spans.map((span) => areaView(d, span))}
    </div>
  </div>`;
}

function ticks({ data, x }: Drawing): Html {
  const step = (TICK_SECONDS.find((seconds) => (data.toMs - data.fromMs) / 1000 / seconds <= MAX_TICKS) ?? 600) * 1000;
  const first = Math.ceil(data.fromMs / step) * step;
  const times = Array.from(
    { length: Math.max(0, Math.floor((data.toMs - first) / step) + 1) },
    (_, i) => first + i * step,
  );
  return markup`<div class="row" aria-hidden="true">
    <div></div>
    <div class="plot axis">${times.map((ms) => markup`<span class="tick" style="left:${x(ms)}">${clock(ms)}</span>`)}</div>
  </div>`;
}

function steps(d: Drawing): Html | null {
  const { data, x } = d;
  if (data.steps.length === 0) return null;
  return markup`<div class="row">
    <div class="name">steps</div>
    <div class="plot">
      ${data.steps.map(
        ({ name, fromMs, toMs }) =>
          markup`<div
            class="step"
            style="left:${x(fromMs)};width:${width(d, fromMs, toMs)}"
            title="${name}, ${clock(fromMs)} to ${clock(toMs)}"
          >
            ${name}
          </div>`,
      )}
    </div>
  </div>`;
}

function legend({ kids }: Drawing): Html {
  const chip = (cls: string, text: string): Html => markup`<li><span class="swatch ${cls}"></span>${text}</li>`;
  return markup`<ul class="legend">
    ${kids.map((kid, i) => markup`<li><span class="swatch k${Math.min(KID_COLOURS - 1, i)}"></span><code>${kid}</code></li>`)}${chip("dead", "revoked")}${chip("empty", "empty slot")}${chip("state", "starting, asleep, stopped")}
  </ul>`;
}

function table({ lanes }: TimelineData): Html {
  const rows = lanes.flatMap((lane) =>
    lane.spans.map(
      ({ fromMs, toMs, state }) =>
        markup`<tr>
          <td>${lane.group}</td>
          <td>${lane.title}</td>
          <td>${clock(fromMs)}</td>
          <td>${clock(toMs)}</td>
          <td>${describe(state)}</td>
        </tr>`,
    ),
  );
  return markup`<details class="card">
    <summary>The same as a table</summary>
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th scope="col">Platform</th>
            <th scope="col">Party</th>
            <th scope="col">From</th>
            <th scope="col">To</th>
            <th scope="col">State</th>
          </tr>
        </thead>
        <tbody>
          ${rows}
        </tbody>
      </table>
    </div>
  </details>`;
}

/** The chart and its table, without the page around it. */
export function renderChart(data: TimelineData): Html {
  const d = drawing(data);
  const groups = GROUPS.flatMap((group) => {
    const lanes = data.lanes.filter((lane) => lane.group === group);
    return lanes.length === 0
      ? []
      : [
          markup`<div class="group">${GROUP_TEXT[group]}</div>
            ${lanes.map((lane) => laneRow(d, lane))}`,
        ];
  });
  return markup`<section class="card" aria-label="Timeline">
      ${legend(d)}
      <div class="chart" data-from="${data.fromMs}" data-to="${data.toMs}">
        <div class="lines" aria-hidden="true">${data.steps.map(({ fromMs }) => markup`<i style="left:${d.x(fromMs)}"></i>`)}</div>
        ${ticks(d)}${steps(d)}${groups}${curves(data)}
        <div class="lines" aria-hidden="true">
          <div class="now"><b></b></div>
        </div>
      </div>
    </section>
    ${table(data)}`;
}
