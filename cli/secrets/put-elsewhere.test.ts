import { describe, expect, it } from "vitest";
import { secretSpecs } from "../../contract/secret-names.ts";
import { FakeCloud, type FaultKind } from "../test/fake-cloud.ts";
import { holderOf, live, type Ending, type LifeOptions } from "../test/fake-run.ts";
import { heldElsewhere } from "./elsewhere.ts";
import { secretsReport } from "./marks.ts";
import { phaseOf } from "./phase.ts";
import { putSecret, type Placed } from "./put.ts";

const K0 = "00000000000000aa";
const KINDS: readonly FaultKind[] = ["kill-before", "kill-after", "lost", "error"];
const NAME = "STRIPE_KEY";
type To = readonly ("origins" | "worker" | "github")[];
const specOf = (to: To) =>
  secretSpecs({ secrets: { [NAME]: { purpose: "key of payments", shape: "text", to } } }).at(-1) ??
  expect.fail("there is no spec");

const steady = (seed = 1): FakeCloud => new FakeCloud({ seed }).steady(K0).withJournal();
const errorOf = (ending: Ending) =>
  ending.kind === "stopped" ? `${ending.error.code}: ${ending.error.message}` : ending.kind;

/** One process life that puts a value. */
async function put(cloud: FakeCloud, value: string, to: To = ["worker", "github"], options: Partial<LifeOptions> = {}) {
  let placed: readonly Placed[] = [];
  const ending = await live(cloud, {
    id: `put-${value}`,
    ...options,
    work: async (run) => {
      placed = await putSecret(run, specOf(to), value, true);
      return phaseOf(await run.observe());
    },
  });
  return { ending: errorOf(ending), placed };
}

/** What `secrets verify` says of it. */
async function verify(cloud: FakeCloud, to: To = ["worker", "github"]): Promise<readonly string[]> {
  let found: readonly string[] = ["not asked"];
  await live(cloud, {
    id: "verify",
    work: async (run) => {
      const observation = await run.observe();
      const elsewhere = await heldElsewhere(run.targets, [specOf(to)]);
      const { drift, unknown } = secretsReport(elsewhere, [specOf(to)], run.journal.state.puts ?? {});
      found = [...drift.map(({ party, what }) => `${party}: ${what}`), ...unknown];
      return phaseOf(observation);
    },
  });
  return found;
}

/** What requests meet. */
const served = (cloud: FakeCloud) =>
  cloud.versions.find(({ id }) => id === cloud.deployment[0]?.versionId)?.bound?.[NAME];

describe("a secret of one's own at the Worker and at GitHub", () => {
  it("is in the version that has all traffic, proven by its mark; at GitHub it has a date", async () => {
    const cloud = steady();
    const before = { code: cloud.versions[0]?.etag, sends: cloud.sendable() };
    expect(await put(cloud, "one")).toEqual({
      ending: "done",
      placed: [
        { target: "github", standing: { kind: "dated", at: expect.stringMatching(/^1970-01-01T/) } },
        { target: "worker", standing: { kind: "proven", instances: 1 } },
      ],
    });
    expect(served(cloud)).toBe("one");
    expect(await verify(cloud)).toEqual([]);
    cloud.pass(5000);
    expect({ code: cloud.versions[0]?.etag, sends: cloud.sendable() }).toEqual(before);
    expect(cloud.violation).toBeNull();
  });

  it("touches no origin that is not to have it", async () => {
    const cloud = steady();
    await put(cloud, "one");
    expect(cloud.log.filter((line) => /(?:koyeb|fly): (?:put|redeploy|update)/.test(line))).toEqual([]);
  });

  it("is there after a rotation, after a rollback of code, and after a new put", async () => {
    const cloud = steady();
    await put(cloud, "one");
    expect(errorOf(await live(cloud, { id: "rotation" }))).toBe("done");
    expect(served(cloud)).toBe("one");
    expect(await verify(cloud)).toEqual([]);
    await put(cloud, "two");
    expect(served(cloud)).toBe("two");
    expect(errorOf(await live(cloud, { id: "next" }))).toBe("done");
    expect([served(cloud), await verify(cloud)]).toEqual(["two", []]);
  });

  it("is off where somebody brings an older version back", async () => {
    const cloud = steady();
    await put(cloud, "one");
    const older = cloud.deployment[0]?.versionId ?? "";
    await put(cloud, "two");
    cloud.foreignRelease(older);
    expect(await verify(cloud)).toEqual([`worker: version ${older} runs with another STRIPE_KEY`]);
    await put(cloud, "three");
    expect([served(cloud), await verify(cloud)]).toEqual(["three", []]);
  });

  it("is not put while a rotation is unfinished, whose version would bring the old value back", async () => {
    const cloud = steady();
    await put(cloud, "one");
    cloud.fault = (_, name) => (name === "worker: upload" ? "kill-after" : null);
    await live(cloud, { id: "dies" });
    cloud.fault = () => null;
    const { ending } = await put(cloud, "two", ["worker"], { steal: holderOf(cloud) ?? "" });
    expect(ending).toBe("ERR_PHASE: a rotation is unfinished, whose Worker version has not the new value");
    expect(served(cloud)).toBe("one");
    expect(errorOf(await live(cloud, { id: "ends" }))).toBe("done");
    expect((await put(cloud, "three", ["worker"])).ending).toBe("done");
    expect([served(cloud), await verify(cloud, ["worker"])]).toEqual(["three", []]);
  });

  it.each(KINDS)("ends with the next put, whatever call of this one is hit: %s", async (kind) => {
    const clean = steady(7);
    const start = clean.calls;
    await put(clean, "one", ["origins", "worker", "github"]);
    const calls = clean.calls - start;
    for (let n = 1; n <= calls; n++) {
      const cloud = steady(7);
      const from = cloud.calls;
      cloud.fault = (call) => (call === from + n ? kind : null);
      await put(cloud, "one", ["origins", "worker", "github"]);
      cloud.fault = () => null;
      const steal = holderOf(cloud);
      const { ending } = await put(cloud, "two", ["origins", "worker", "github"], steal === undefined ? {} : { steal });
      expect([n, ending, served(cloud), cloud.violation]).toEqual([n, "done", "two", null]);
      expect(await verify(cloud)).toEqual([]);
    }
  });
});
