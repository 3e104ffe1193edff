import { describe, expect, it } from "vitest";
import { markVariable, marksIn, parseMarks } from "./marks.ts";

describe("marks in an environment", () => {
  it("are those of variables that end in _MARK, and nothing else's", () => {
    expect(markVariable("DATABASE_URL")).toBe("DATABASE_URL_MARK");
    expect(
      marksIn({
        DATABASE_URL: "postgres://x",
        DATABASE_URL_MARK: "9b2d70c4418ea6f5",
        _MARK: "9b2d70c4418ea6f5",
        x_MARK: "a",
      }),
    ).toEqual({ DATABASE_URL: "9b2d70c4418ea6f5" });
  });
  it.each(["0000000000000000", "", "9B2D70C4418EA6F5", "9b2d70c4418ea6f5\n", "postgres://user:pass@host"])(
    "say that nothing was put, and never what stood there: %j",
    (text) => {
      expect(marksIn({ DATABASE_URL_MARK: text })).toEqual({ DATABASE_URL: null });
    },
  );
  it("are at most 64", () => {
    const env = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`S${i}_MARK`, "9b2d70c4418ea6f5"]));
    expect(Object.keys(marksIn(env))).toHaveLength(64);
  });
});

describe("reported marks", () => {
  it.each([{}, { A: null, B_1: "9b2d70c4418ea6f5" }])("are taken as they are: %j", (value) => {
    expect(parseMarks(value)).toEqual(value);
  });
  it.each([null, [], { a: null }, { A: "x" }, { A: 1 }, { "A B": null }])(
    "are nothing when they are anything else: %j",
    (value) => {
      expect(parseMarks(value)).toBeUndefined();
    },
  );
});
