import { describe, expect, it } from "vitest";
import { fitted, table } from "./layout.ts";

describe("a table", () => {
  it("pads every column but the last", () => {
    expect(
      table([
        ["A", "LONG", "X"],
        ["longer", "b", "y"],
      ]),
    ).toBe("A       LONG  X\nlonger  b     y");
    expect(table([])).toBe("");
  });
});

describe("prose on a terminal", () => {
  const at = (columns: number | undefined, isTTY = true) => ({
    stdout: { write: () => true, isTTY, ...(columns === undefined ? {} : { columns }) },
  });
  const LINE = "missing  github  token  a classic token with repo, workflow: it reaches every repository of its owner";

  it("breaks between words, and goes on below its last column", () => {
    expect(fitted(at(60), LINE).split("\n")).toEqual([
      "missing  github  token  a classic token with repo, workflow:",
      "                        it reaches every repository of its",
      "                        owner",
    ]);
  });
  it("has room for words on a narrow one too", () => {
    const lines = fitted(at(40), LINE).split("\n");
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(40);
    expect(lines.join(" ").replaceAll(/ +/g, " ")).toBe(LINE.replaceAll(/ +/g, " "));
  });
  it.each([
    ["into a file", at(60, false)],
    ["on a terminal that does not know its width", at(undefined)],
    ["on a wide one", at(200)],
  ])("stays as it is %s", (_, context) => {
    expect(fitted(context, LINE)).toBe(LINE);
  });
  it("counts a coloured word as long as it is seen", () => {
    const red = (text: string) => `\u001b[31m${text}\u001b[39m`;
    expect(fitted(at(60), red("missing") + LINE.slice("missing".length))).toBe(
      red("missing") + fitted(at(60), LINE).slice("missing".length),
    );
    expect(fitted(at(104), red("missing") + LINE.slice("missing".length))).not.toContain("\n");
  });
});
