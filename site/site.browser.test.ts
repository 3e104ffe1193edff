/** The site as somebody reads it on a phone, in a real browser that reaches nothing but this machine. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findClient, REQUIRED } from "../sandbox/test/client.ts";
import { readPages } from "./gather.ts";
import { serve, type Served } from "./serve.ts";

/** A browser that shares its machine with others takes its time. Unit: milliseconds. */
const PATIENCE_MS = 150_000;
const PHONE = { width: 360, height: 740 };
const chromium = findClient("chromium");
const paths = readPages().map(({ place }) => place.replace(/(index)?\.md$/, (end) => (end === ".md" ? ".html" : "")));

describe.skipIf(chromium === null && !REQUIRED.has("chromium"))(
  `the documentation site${chromium === null ? " (skipped: chromium not installed)" : ""}`,
  () => {
    let served: Served;
    let browser: Browser;
    let page: Page;
    const newPage = async (options: { readonly colorScheme?: "light" | "dark" } = {}): Promise<Page> => {
      const opened = await browser.newPage({ viewport: PHONE, ...options });
      opened.setDefaultTimeout(PATIENCE_MS);
      return opened;
    };

    beforeAll(async () => {
      execFileSync(process.execPath, [fileURLToPath(new URL("build.ts", import.meta.url))], { stdio: "pipe" });
      served = await serve(fileURLToPath(new URL("dist", import.meta.url)));
      const playwright = await import("playwright-core");
      const args = ["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"];
      browser = await playwright.chromium.launch({
        executablePath: chromium ?? "chromium",
        args,
        timeout: PATIENCE_MS,
      });
      page = await newPage();
    }, 300_000);
    afterAll(async () => {
      await browser?.close();
      await served?.close();
    }, 60_000);

    it.each(paths)("is not wider than a phone, and what is wider scrolls in its own box: /%s", async (path) => {
      await page.goto(served.url + path);
      const wide = await page.evaluate<readonly string[]>(`(() => {
        const root = document.documentElement;
        const out = root.scrollWidth > root.clientWidth ? ["the page: " + root.scrollWidth] : [];
        for (const box of document.querySelectorAll("pre, table, .diagram, .vp-doc img, h1"))
          if (box.getBoundingClientRect().right > innerWidth + 1 && !box.closest("table, pre, .diagram").contains(box))
            out.push(box.outerHTML.slice(0, 80));
        return out;
      })()`);
      expect(wide).toEqual([]);
    });

    it("lets a long command be read by scrolling its block", async () => {
      await page.goto(`${served.url}install.html`);
      const longest = await page.evaluate<{ scrolled: number; right: number }>(`(() => {
        const blocks = [...document.querySelectorAll(".vp-doc pre")].sort((a, b) => b.scrollWidth - a.scrollWidth);
        blocks[0].scrollLeft = 100;
        return { scrolled: blocks[0].scrollLeft, right: blocks[0].getBoundingClientRect().right };
      })()`);
      expect(longest.scrolled).toBe(100);
      expect(longest.right).toBeLessThanOrEqual(PHONE.width);
    });

    it.each([
      ["", "quarantine", /quarantine/i],
      ["ja/", "緊急", /緊急/],
    ])("is searched without a network: /%s for %s", async (path, words, found) => {
      await page.goto(served.url + path);
      await page.locator(".VPNavBarSearch button").first().click();
      await page.locator(".VPLocalSearchBox input").fill(words);
      const result = page.locator(".VPLocalSearchBox .result").first();
      await result.waitFor();
      expect(await result.textContent()).toMatch(found);
      await result.click();
      await page.waitForURL(/\.html/);
      expect(new URL(page.url()).pathname.startsWith(`/${path}`)).toBe(true);
    });

    it("shows the diagrams as text that can be read in both colour schemes", async () => {
      for (const colorScheme of ["light", "dark"] as const) {
        const own = await newPage({ colorScheme });
        await own.goto(served.url);
        const [paper, texts] = await own.evaluate<readonly [string, readonly (readonly [string, string])[]]>(`[
          getComputedStyle(document.body).backgroundColor,
          [...document.querySelectorAll(".diagram text")].map((text) => [text.textContent, getComputedStyle(text).fill]),
        ]`);
        expect(texts.map(([text]) => text)).toContain("MCP client");
        for (const [text, ink] of texts) expect(contrast(ink, paper), text).toBeGreaterThanOrEqual(4.5);
      }
    });

    it("asks nobody else for anything, and no script of it fails", async () => {
      const own = await newPage();
      const asked: string[] = [];
      const errors: string[] = [];
      own.on("request", (request) => asked.push(request.url()));
      own.on("pageerror", (error) => errors.push(error.message));
      for (const path of ["", "ja/", "rotation.html", "errors.html"]) await own.goto(served.url + path);
      expect(asked.length).toBeGreaterThan(10);
      expect(asked.filter((url) => !url.startsWith(served.url) && !url.startsWith("data:"))).toEqual([]);
      expect(errors).toEqual([]);
    });
  },
);

/** Relative luminance, of "rgb(1, 2, 3)" or "color(srgb 0.1 0.2 0.3)". */
function luminance(color: string): number {
  const scale = color.startsWith("color(") ? 1 : 255;
  const parts = (color.match(/[\d.]+(?:e-?\d+)?/g) ?? []).slice(0, 3).map((part) => Number(part) / scale);
  const [red = 0, green = 0, blue = 0] = parts.map((part) =>
    part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4,
  );
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** WCAG 2: 1 to 21. */
function contrast(ink: string, paper: string): number {
  const [dark = 0, light = 0] = [luminance(ink), luminance(paper)].toSorted((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}
