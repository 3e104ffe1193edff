import { expect, test } from "vitest";
import { markup } from "./view/html.ts";
import { barsOf, describe, kidsOf } from "./view/chart.ts";
import { renderLivePage, renderPage, rotationTiles } from "./page-markup.ts";
import type { TimelineData } from "./recorder.ts";

const OLD = "5f0c6a1be2d49317";
const NEW = "9b2d70c4418ea6f5";
const data: TimelineData = {
  startedAt: "2026-11-22T12:00:00.000Z",
  fromMs: 0,
  toMs: 10_000,
  binMs: 500,
  lanes: [
    {
      group: "Cloudflare",
      id: "edge-SBA",
      title: "edge SBA",
      spans: [
        { fromMs: 0, toMs: 5000, state: { activity: "serving", sends: OLD, rollout: "version 1" } },
        { fromMs: 5000, toMs: 10_000, state: { activity: "serving", sends: NEW, rollout: "version 2" } },
      ],
    },
    {
      group: "Koyeb",
      id: "Koyeb-1",
      title: "11111111 fra",
      spans: [
        { fromMs: 0, toMs: 1000, state: { activity: "starting" } },
        { fromMs: 1000, toMs: 4000, state: { activity: "serving", slots: { a: OLD, b: "revoked:0000000000000000" } } },
        { fromMs: 4000, toMs: 8000, state: { activity: "serving", slots: { a: OLD, b: NEW } } },
        { fromMs: 8000, toMs: 10_000, state: { activity: "serving", slots: { a: `revoked:${OLD}`, b: NEW } } },
      ],
    },
  ],
  steps: [{ name: "switch", fromMs: 5000, toMs: 6000 }],
  samples: [
    { atMs: 0, sent: 60, failed: 0, p50Ms: 5, p99Ms: 20 },
    { atMs: 500, sent: 50, failed: 3, p50Ms: 5, p99Ms: 20 },
  ],
};
const options = {
  title: "A <rotation>",
  subtitle: "x & y",
  tiles: rotationTiles({ sent: 1234, failed: 3, p50Ms: 5, p99Ms: 20 }),
};

test("the page is one file: no external resource, everything escaped", () => {
  const page = renderPage(data, options);
  expect(page).not.toMatch(/(?:src|href)=|url\(|@import|https?:\/\//);
  expect(page).toContain("A &lt;rotation&gt;");
  expect(page).toContain("x &amp; y");
  expect(markup`<b title="${'"><script>'}">${"'"}</b>`.text).toBe('<b title="&quot;&gt;&lt;script&gt;">&#39;</b>');
});

test("every state is there for eyes, for screen readers and as a table", () => {
  const page = renderPage(data, options);
  expect(page).toContain(
    `aria-label="Koyeb, 11111111 fra: 0:00 to 0:01 starting; 0:01 to 0:04 serving · a: ${OLD}, b: never used`,
  );
  expect(page.match(/<tr><td>/g)).toHaveLength(6);
  expect(page).toContain("3 failed in all");
  expect(page).toContain('style="left:50.000%"');
});

test("kids keep the colour of their first appearance; a revoked one has none of its own", () => {
  expect(kidsOf(data)).toEqual([OLD, NEW]);
  expect(kidsOf({ ...data, lanes: [] })).toEqual([]);
});

test("a change of one slot does not cut the other's bar", () => {
  const bars = barsOf(data.lanes[1]?.spans ?? []);
  expect(bars.map(({ half, fromMs, toMs, report }) => [half, fromMs, toMs, report])).toEqual([
    ["whole", 0, 1000, undefined],
    ["upper", 1000, 8000, OLD],
    ["lower", 1000, 4000, "revoked:0000000000000000"],
    ["lower", 4000, 10_000, NEW],
    ["upper", 8000, 10_000, `revoked:${OLD}`],
  ]);
});

test.each([
  [{ activity: "serving", sends: null }, "serving · sends no usable secret"],
  [{ activity: "holding", slots: { a: OLD, b: null } }, `a: ${OLD}, b: empty`],
  [
    { activity: "suspended", slots: { a: `revoked:${OLD}`, b: NEW }, rollout: "d-4" },
    `suspended · a: revoked ${OLD}, b: ${NEW} · d-4`,
  ],
] as const)("a state in words: %j", (state, words) => {
  expect(describe(state)).toBe(words);
});

test("figures say whether they are good", () => {
  const tiles = rotationTiles(
    { sent: 1234, failed: 0, p50Ms: 5.04, p99Ms: 120.4 },
    { oldSecret: { koyeb: 403, fly: 200 }, newSecret: { koyeb: 200, fly: 200 } },
  );
  expect(tiles.map(({ value, tone }) => [value, tone])).toEqual([
    ["1,234", undefined],
    ["0", "good"],
    ["5.0 ms", undefined],
    ["120 ms", undefined],
    ["200 · 403", "bad"],
    ["200 · 200", "good"],
  ]);
});

test("a recording of nothing is a page too, and the live page shows what is active", () => {
  const empty = { ...data, lanes: [], steps: [], samples: [], toMs: 0 };
  expect(renderPage(empty, options)).toContain("</html>");
  const live = renderLivePage(empty, [{ name: "koyeb-down", text: "gone", active: true }]);
  expect(live).toContain('data-scenario="koyeb-down" aria-pressed="true"');
});
