import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { renderPage } from "./page-markup.ts";
import type { TimelineData } from "./recorder.ts";
import { describeClients } from "../test/client.ts";

const OLD = "5f0c6a1be2d49317";
const NEW = "9b2d70c4418ea6f5";
const edges = ["SBA", "SBB", "SBC", "SBD"].map((edge, i) => ({
  group: "Cloudflare" as const,
  id: edge,
  title: `edge ${edge}`,
  spans: [
    { fromMs: 0, toMs: 20_000 + i * 200, state: { activity: "serving" as const, sends: OLD } },
    { fromMs: 20_000 + i * 200, toMs: 40_000, state: { activity: "serving" as const, sends: NEW } },
  ],
}));
const data: TimelineData = {
  startedAt: "2026-11-22T12:00:00.000Z",
  fromMs: 0,
  toMs: 40_000,
  binMs: 500,
  lanes: [
    ...edges,
    {
      group: "Koyeb",
      id: "k",
      title: "8d1f8c2e fra",
      spans: [{ fromMs: 0, toMs: 40_000, state: { activity: "serving", slots: { a: OLD, b: NEW } } }],
    },
  ],
  steps: [{ name: "stage", fromMs: 3000, toMs: 12_000 }],
  samples: Array.from({ length: 80 }, (_, i) => ({
    atMs: i * 500,
    sent: 60,
    failed: i === 40 ? 2 : 0,
    p50Ms: 6,
    p99Ms: 40,
  })),
};

/** Shows the page in a frame of a phone's width and of a desk's, and writes what it measures into its own title. */
const PROBE = `
const out = {};
let left = 2;
for (const width of [360, 1280]) {
  const frame = document.createElement("iframe");
  frame.width = width; frame.height = 900;
  frame.onload = () => {
    const page = frame.contentDocument, view = frame.contentWindow;
    const boxes = [...page.querySelectorAll(".bar")].map((bar) => bar.getBoundingClientRect());
    const chart = page.querySelector(".chart");
    const at = page.querySelector(".plot").getBoundingClientRect();
    chart.dispatchEvent(new view.PointerEvent("pointermove", { bubbles: true, clientX: at.left + at.width / 2, clientY: at.top }));
    out[width] = {
      overflow: page.documentElement.scrollWidth - page.documentElement.clientWidth,
      bars: boxes.length,
      thin: boxes.filter((box) => box.width < 1 || box.height < 6).length,
      outside: boxes.filter((box) => box.left < 0 || box.right > view.innerWidth).length,
      pointer: page.querySelector(".now b").textContent,
      text: parseFloat(view.getComputedStyle(page.body).fontSize),
      ink: view.getComputedStyle(page.body).color,
    };
    if (--left === 0) document.title = JSON.stringify(out);
  };
  frame.srcdoc = PAGE;
  document.body.append(frame);
}`;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "mcpist-page-"));
  const page = JSON.stringify(renderPage(data)).replaceAll("<", String.raw`\u003c`);
  await writeFile(join(folder, "probe.html"), `<!doctype html><body><script>const PAGE = ${page};${PROBE}</script>`);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describeClients(
  ["chromium"],
  () => ({}),
  (run) => {
    it("shows every bar without scrolling sideways, on a phone and on a desk, and follows the pointer", async () => {
      const flags = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--virtual-time-budget=4000",
        "--dump-dom",
      ];
      const { text } = await run([...flags, `file://${join(folder, "probe.html")}`]);
      const title = /<title>(.*?)<\/title>/.exec(text)?.[1];
      const measured = JSON.parse(title ?? "null") as Readonly<Record<string, unknown>> | null;
      const expected = {
        overflow: 0,
        bars: 10,
        thin: 0,
        outside: 0,
        pointer: "0:20.0",
        text: 15,
        ink: "rgb(28, 32, 38)",
      };
      expect(measured).toEqual({ 360: expected, 1280: expected });
    });
  },
);
