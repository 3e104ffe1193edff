import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { deadLinks, foreignAddresses } from "./built.ts";

let dist: string;
beforeAll(() => {
  dist = mkdtempSync(join(tmpdir(), "mcpist-site-"));
  mkdirSync(join(dist, "ja"));
  writeFileSync(
    join(dist, "index.html"),
    `<h1 id="保証">x</h1> <a class="x" href="/ja/">a</a> <a href="#%E4%BF%9D%E8%A8%BC">b</a> <a href="./ja/index.html#y">c</a>
     <a href="/gone.html">d</a> <a href="#gone">e</a> <a href="https://example.com/">f</a>`,
  );
  writeFileSync(
    join(dist, "ja/index.html"),
    `<h1 id="y">x</h1><a href="../">a</a><script src="https://cdn.example.com/x.js"></script><link rel="stylesheet" href="/x.css">`,
  );
  writeFileSync(join(dist, "x.css"), `@import url("https://fonts.example.com/x"); body { background: url(/x.png) }`);
});
afterAll(() => rmSync(dist, { recursive: true, force: true }));

describe("a built site", () => {
  it("is searched for links that lead nowhere", () => {
    expect(deadLinks(dist)).toEqual(["index.html: /gone.html leads nowhere", "index.html: #gone names no heading"]);
  });
  it("is searched for what a page would fetch from others", () => {
    expect(foreignAddresses(dist).map((line) => line.split(":")[0])).toEqual(["ja/index.html", "x.css"]);
  });
});
