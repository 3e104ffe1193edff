import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { withTable } from "../markdown.ts";
import { type Results, tableOf } from "./results.ts";
import { CLIENTS, idOf, meetingsOf } from "./versions.ts";
import { PAGE, RESULTS } from "./write-table.ts";

const page = readFileSync(PAGE, "utf8");
const results = JSON.parse(readFileSync(RESULTS, "utf8")) as Results;

describe("the table of clients", () => {
  it("is what the last run of all clients found", () => {
    expect(withTable(page, "clients", tableOf(results))).toBe(page);
  });

  it("has every client of the registry and no other, and natively what every landing tries", () => {
    const keys = results.map(({ id, era, presentation }) => `${id} ${era} ${presentation}`);
    const runs = (set: string) =>
      meetingsOf(CLIENTS, set).map(({ client, era, presentation }) => `${idOf(client)} ${era} ${presentation}`);
    expect(runs("sample").filter((run) => !keys.includes(run))).toEqual([]);
    expect(keys.filter((run) => !runs("all").includes(run))).toEqual([]);
  });

  it("admits no failure but the faults of clients that are named", () => {
    const failed = results.flatMap(({ id, outcomes }) =>
      outcomes.filter(({ ok }) => !ok).map(({ step }) => `${id}: ${step}`),
    );
    expect(failed).toEqual(["typescript-sdk-1.12.3: signIn", "typescript-sdk-1.12.3: refresh"]);
  });

  it("cannot be made of a run that left a client out", () => {
    expect(() => tableOf(results.slice(1))).toThrow("there is no result of typescript-sdk-1.10.2 (legacy, meta)");
  });
});
