/** docs/adding-a-platform.md names every place that tells one platform from another, and no place that is not there. */
import { expect, it } from "vitest";
import { readTracked, trackedFiles } from "../security/repository.ts";

const page = readTracked("docs/adding-a-platform.md");
const tracked = trackedFiles();
const there = new Set(tracked);
const named = [...page.matchAll(/`([\w./-]+\/[\w.-]+\.(?:ts|yml))`/g)].flatMap(([, path]) => path ?? []);
const known = new Set(named);
/** What is written for the new platform. */
const TO_BE_WRITTEN = ["cli/targets/render.ts"];

it("names files that are there", () => {
  expect(named.length).toBeGreaterThan(30);
  expect(named.filter((path) => !there.has(path))).toEqual(TO_BE_WRITTEN);
});

it("names every file of the product that knows both platforms", () => {
  const product = tracked.filter(
    (path) => /^(?:cli|contract|origin|sandbox|stacks)\/.*\.ts$/.test(path) && !/\.test\.ts$|\/test\//.test(path),
  );
  const both = product.filter((path) => {
    const text = readTracked(path);
    return /"koyeb"|\bkoyeb:/.test(text) && /"fly"|\bfly:/.test(text);
  });
  // They play what there is, and need nothing for another one.
  const plays = new Set(["cli/local/acts.ts", "sandbox/watch/parties.ts", "sandbox/controls.ts"]);
  expect(both.filter((path) => !known.has(path) && !plays.has(path))).toEqual([]);
});
