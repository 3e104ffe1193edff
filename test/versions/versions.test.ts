/** What was recorded of the previous version, read by this one. Where the history holds it, `npm run test:versions` runs it. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parseOriginObservation, parseWorkerObservation } from "../../contract/observation.ts";
import { FakeCloud } from "../../cli/test/fake-cloud.ts";
import { converge } from "../../cli/test/fake-run.ts";
import { resume } from "./resume.ts";
import { cloudOf, snapshots, type Snapshot } from "./snapshots.ts";

const read = (name: string): string => readFileSync(new URL(name, import.meta.url), "utf8");
const recorded = read("2c1d3c7.ndjson")
  .trimEnd()
  .split("\n")
  .map((line) => JSON.parse(line) as Snapshot);

describe("a rotation that the previous version left", () => {
  it.each(recorded.map((snapshot, i) => [`${i + 1}. ${snapshot.event}`, snapshot] as const))(
    "is ended by this one: %s",
    async (_at, snapshot) => {
      expect(await resume(snapshot)).toEqual({ event: snapshot.event, ends: "STEADY" });
    },
  );

  it("is known to this version's tests in every state of the journal", async () => {
    const events = new Set(recorded.map(({ event }) => event));
    expect(events.size).toBeGreaterThan(15);
    // The kit that recorded them still runs, so that the next version can be recorded as well.
    const own = await snapshots();
    expect(own.length).toBeGreaterThan(10);
    const [first] = own;
    if (!first) throw new TypeError("nothing was recorded");
    const cloud = cloudOf(first);
    expect(cloud).toBeInstanceOf(FakeCloud);
    await converge(cloud, "next");
    expect(cloud.residue()).toBeNull();
  });
});

describe("what a deployed Worker and origin of the previous version report", () => {
  const { gateway, origins, ...through } = JSON.parse(read("2c1d3c7.observations.json")) as {
    gateway: unknown;
    origins: Record<string, unknown>;
  };
  it("is read as it was meant", () => {
    expect(parseWorkerObservation(gateway)).toMatchObject({ kid: "a56b1853610dc00e" });
    for (const seen of Object.values(origins))
      expect(parseOriginObservation(seen)).toMatchObject({
        kids: { a: "a56b1853610dc00e", b: "revoked:0000000000000000" },
      });
    for (const seen of Object.values(through))
      expect(parseWorkerObservation(seen)).toMatchObject({ via: { status: 200, observation: { accepted: true } } });
  });
});
