import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Progress } from "../output.ts";
import { FakeCloud } from "../test/fake-cloud.ts";
import { live, type LifeOptions } from "../test/fake-run.ts";
import { MemoryGit, party } from "../test/memory-git.ts";
import { testContext } from "../test/test-context.ts";
import { whenLong } from "../waits.ts";

const OLD = "00000000000000aa";
const SHORT = { minAge: 2000, quiet: 4000, max: 20_000 };
type Sleeps = { readonly ms: number; readonly told: readonly string[] }[];

/** One life, with every wait and what was said of it. */
async function sleepsOf(options: Partial<LifeOptions>, prepare: (cloud: FakeCloud) => void): Promise<Sleeps> {
  const cloud = new FakeCloud().steady(OLD).withJournal();
  prepare(cloud);
  const sleeps: Sleeps = [];
  await live(cloud, { id: "one", ...options, sleeps });
  return sleeps;
}
const nothing = (): void => undefined;
/** The first redeploy reports success and changes nothing. */
const slowToDie = (cloud: FakeCloud): void => {
  let redeploys = 0;
  cloud.checksS1 = false;
  cloud.hollowWhen = () => redeploys++ === 0;
};
const leaked = (cloud: FakeCloud): void => void (cloud.strangers = [{ kid: OLD, peer: "outside" }]);
/** Its API is away for a while once the new secret is in use. */
const outage = (cloud: FakeCloud): void => {
  let calls = 0;
  cloud.fault = (_, name) => ((name === "github: write live" || calls > 0) && calls++ < 30 ? "error" : null);
};

describe("a run that waits", () => {
  it.each<[string, Partial<LifeOptions>, (cloud: FakeCloud) => void, string]>([
    ["for rollouts and the drain", {}, nothing, `everybody who sends ${OLD}: nobody must use it for 4 s more`],
    [
      "for the youth of the new version",
      { drain: { ...SHORT, minAge: 9000 } },
      nothing,
      "every edge location: to run the new version for 9 s more",
    ],
    [
      "for whoever has the old secret",
      { drain: SHORT },
      leaked,
      "koyeb instance koyeb-1-0 accepted it 0 seconds ago from outside the gateway's platform",
    ],
    ["for GitHub after the switch", {}, outage, "fake: worker: names failed: trying again for 175 s"],
    ["for a death", { emergency: "now" }, slowToDie, `koyeb: every instance and its configuration to refuse ${OLD}`],
    ["for the second rollout", { emergency: "fast" }, nothing, `edge locations that lag: to stop sending ${OLD}`],
  ])("says at every moment for whom and for what: %s", async (_, options, prepare, text) => {
    const sleeps = await sleepsOf(options, prepare);
    expect(sleeps.filter(({ told }) => told.length === 0)).toEqual([]);
    expect(sleeps.flatMap(({ told }) => told).join("\n")).toContain(text);
  });

  it("for a lock says whose it is and how long it must be silent", async () => {
    const git = new MemoryGit();
    await party(git, "one").journal.acquire();
    const told: string[] = [];
    const two = party(git, "two", { onSleep: () => told.push(...two.context.waits.current()) });
    await two.journal.acquire("one");
    expect(told[0]).toBe("run one of actor-one: a sign of life, or none for 1020 s more");
    expect(told.at(-1)).toBe("run one of actor-one: a sign of life, or none for 15 s more");
    expect(told).toHaveLength(68);
  });
});

describe("what is told", () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  it("is told every ten seconds as long as the wait lasts", async () => {
    const context = testContext();
    const progress = new Progress(context, { json: false });
    const wait = Promise.withResolvers<void>();
    let left = 25;
    const waiting = context.waits.during(
      () => `everybody who sends ${OLD}: nobody must use it for ${left} s more`,
      () => wait.promise,
    );
    for (const expected of [15, 5]) {
      left -= 10;
      await vi.advanceTimersByTimeAsync(10_000);
      expect(context.err().split("\n").at(-2)).toBe(
        `wait  everybody who sends ${OLD}: nobody must use it for ${expected} s more`,
      );
    }
    wait.resolve();
    await waiting;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(context.err().trim().split("\n")).toHaveLength(2);
    await progress.end();
  });

  it("leaves out what has only begun", async () => {
    let now = 0;
    const { waits } = testContext();
    const answer = Promise.withResolvers<void>();
    const call = whenLong({ waits, monotonic: () => now }, "GitHub: its answer to GET /x", () => answer.promise);
    expect(waits.current()).toEqual([]);
    now = 5000;
    expect(waits.current()).toEqual(["GitHub: its answer to GET /x"]);
    answer.resolve();
    await call;
    expect(waits.current()).toEqual([]);
  });
});
