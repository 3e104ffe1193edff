import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ROOT } from "./gather.ts";
import { diagramOf, fingerprint, PICTURES } from "./pictures.ts";
import { CAST, PICTURE } from "./record.ts";
import { readCast, recordingPicture, writeCast } from "./recording.ts";

const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");

describe("the pictures of the documents", () => {
  it.each(PICTURES)("%s was drawn from the diagram in %s (node site/draw.ts)", (file, document) => {
    expect(read(file)).toContain(`data-made-from="${fingerprint(diagramOf(document))}"`);
  });
  it.each([...PICTURES.map(([file]) => file), PICTURE])(
    "fetch nothing, run nothing, and fit a dark page: %s",
    (file) => {
      const svg = read(file);
      expect(svg.replaceAll('xmlns="http://www.w3.org/2000/svg"', "")).not.toMatch(
        /https?:|<script|@import|<image|<foreignObject/,
      );
      expect(svg).toContain("prefers-color-scheme: dark");
      expect(svg).toMatch(/<title>[^<]{20,}<\/title>/);
    },
  );
});

describe("the recording of the demo", () => {
  const lines = readCast(read(CAST));
  const text = lines.map((line) => line.text).join("\n");

  it("is of a run that worked, in the order of the demo's steps", () => {
    expect(text).toMatch(/^\$ npm run demo\ndone {2}start a local cloud/);
    expect(text).toMatch(/\ndone {2}prove that the old secret is dead[^]*\n {2}old secret  koyeb 403, fly 403/);
    expect(text).toMatch(/ 0 failed /);
    expect(lines.map(({ at }) => at)).toEqual(lines.map(({ at }) => at).toSorted((a, b) => a - b));
  });
  it("shows kids and never a value", () => {
    expect(text).not.toMatch(/[0-9a-f]{17}/);
    expect(text).not.toMatch(/eyJ|ghp_|FlyV1|Bearer/);
  });
  it("is what the picture plays (node site/record.ts --draw)", () => {
    expect(read(PICTURE)).toBe(recordingPicture(lines));
  });
  it("is read as it was written", () => {
    const two = [
      { at: 0, text: "$ a" },
      { at: 60.5, text: "done  <b> & c" },
    ];
    expect(readCast(writeCast(two))).toEqual(two);
    expect(recordingPicture(two)).toContain(
      'style="animation-delay: 2.0s"><tspan class="done">done</tspan>  &lt;b&gt; &amp; c</text>',
    );
    expect(() => readCast('{"version":1}\n')).toThrow("this is no asciicast 2");
    expect(() => readCast('{"version":2}\n[0,"i","x"]\n')).toThrow("this is no recording of whole lines");
  });
});
