import { describe, expect, it } from "vitest";
import { type Cis, cisFaults, cisPage, type CisWorld, numbersOf, readCis } from "./cis.ts";

const world: CisWorld = {
  tests: [
    { file: "a.test.ts", name: "a > runs", runs: true },
    { file: "a.test.ts", name: "a > is skipped", runs: false },
  ],
  controls: [
    {
      id: "XX-01",
      title: "a control",
      maps: [],
      status: "implemented",
      evidence: [{ test: "a.test.ts", name: "a > runs" }],
    },
    { id: "XX-02", title: "no control", maps: [], status: "not-done", reason: "nobody had the time" },
  ],
  scanners: ["one"],
};
/** @param items one in YAML for each */
const cis = (...items: readonly string[]): Cis =>
  readCis(
    `none: [Elsewhere, Nowhere]\nbenchmarks:\n  - { name: B, version: "1", part: p, recommendations: 3, confirmed: read somewhere, items: [${items.join(", ")}] }`,
  );
const one =
  '{ item: "4.1", asks: something at all, state: shown, shown-by: [{ control: XX-01 }, { scanner: one }, { test: a.test.ts, name: a > runs }] }';
const rest = "{ item: 4.2–4.3, asks: something else, state: not-ours, reason: whoever runs it }";

describe("a benchmark", () => {
  it("is in order when it leaves out nothing and names only what is there", () => {
    expect(cisFaults(cis(one, rest), world)).toEqual([]);
  });

  it.each([
    ["leaves out its end", [one], "B has 1 of 3 numbers"],
    ["leaves out one in between", [one, rest.replace("4.2–4.3", "4.3–4.4")], "B says nothing of 4.2"],
    ["has a number twice", [one, rest.replace("4.2", "4.1")], "B has 4.1 twice"],
    ["has a range that runs backwards", [one, rest.replace("4.2–4.3", "4.3–4.2")], "B 4.3–4.2 is no range"],
    ["has a range over two sections", [one, rest.replace("4.2–4.3", "4.2–5.3")], "B 4.2–5.3 is no range"],
    [
      "names a test that is skipped",
      [one.replace("a > runs", "a > is skipped"), rest],
      "does not exist or does not run",
    ],
    ["names a test that is gone", [one.replace("a > runs", "a > ran"), rest], "does not exist or does not run"],
    ["names a test of another file", [one.replace("a.test", "b.test"), rest], "does not exist or does not run"],
    ["names a control that is not done", [one.replace("XX-01", "XX-02"), rest], "a control without tests: XX-02"],
    ["names a control that is gone", [one.replace("XX-01", "XX-03"), rest], "a control without tests: XX-03"],
    ["names a scanner that nobody runs", [one.replace("scanner: one", "scanner: two"), rest], "not run: two"],
  ])("is found when it %s", (_, items, fault) => {
    expect(cisFaults(cis(...items), world).join("\n")).toContain(fault);
  });

  it.each([
    ["a claim that names nothing", one.replace(/shown-by: .*\]/, "shown-by: []")],
    ["half a claim without a reason", one.replace("shown,", "partly,")],
    ["something open without a reason", rest.replace(/, reason: [^}]*/, "")],
    ["something open that names a proof", rest.replace("reason:", "shown-by: [{ control: XX-01 }], reason:")],
    ["a state of its own", rest.replace("not-ours", "passed")],
  ])("cannot be read with %s", (_, item) => {
    expect(() => cis(item)).toThrow(/state|shown-by|reason/);
  });

  it("has the numbers of a range", () => {
    expect(numbersOf("1.3.9–1.3.11")).toEqual(["1.3.9", "1.3.10", "1.3.11"]);
    expect(numbersOf("4.12")).toEqual(["4.12"]);
  });

  it("can be read as a page that counts each recommendation", () => {
    const page = cisPage(cis(one, rest), "<!-- note -->");
    expect(page).toContain("3 recommendations: 1 shown, 0 partly, 2 not ours, 0 NOT RUN, 0 NOT DONE.");
    expect(page).toContain(
      "| 4.1 | something at all | shown | [XX-01](controls.md#xx-01)<br>scanner: one<br>`a.test.ts`: a > runs |",
    );
    expect(page).toContain("No benchmark was found for Elsewhere and Nowhere;");
  });
});
