import { describe, expect, it } from "vitest";
import { failure, MemoryGit, party, readAnew, type Party } from "../test/memory-git.ts";
import type { GitStore } from "../targets/types.ts";
import { formsOf, testContext } from "../test/test-context.ts";
import { Journal } from "./journal.ts";
import { LEASE_SECONDS } from "./lease.ts";

const MARGIN_MS = 2 * 60_000;
const LEASE_MS = LEASE_SECONDS * 1000;

describe("the lock", () => {
  it("is taken on a new ref, held through entries, and given back", async () => {
    const git = new MemoryGit();
    const { journal } = party(git, "one");
    expect(journal.held).toBe(false);
    await journal.acquire();
    expect(journal.held).toBe(true);
    await journal.record("observed", { phase: "STEADY" });
    await journal.release({ result: "done" });
    expect(git.events()).toEqual(["acquired", "observed", "released"]);
    expect(journal.held).toBe(false);
    expect(journal.tip?.entry).toMatchObject({ event: "released", leaseSeconds: 0, detail: { result: "done" } });
  });

  it("is taken again after it was given back, by anybody", async () => {
    const git = new MemoryGit();
    const first = party(git, "one").journal;
    await first.acquire();
    await first.release({});
    await party(git, "two").journal.acquire();
    await expect(first.acquire()).rejects.toMatchObject({ code: "ERR_LOCKED" });
  });

  it("is refused with who holds it, since when, and what to do", async () => {
    const git = new MemoryGit();
    await party(git, "one", { workflow: "77" }).journal.acquire();
    const error = await failure(party(git, "two").journal.acquire());
    expect(error).toMatchObject({
      code: "ERR_LOCKED",
      exitCode: 3,
      message: "actor-one has been rotating since 2026-11-22T12:00:01.000Z (workflow run 77): run one holds the lock",
    });
    expect(error.hint).toContain("--steal-lock one");
    expect(git.events()).toEqual(["acquired"]);
  });

  it.each([true, false])("goes to exactly one of two that ask at the same moment (ref exists: %s)", async (exists) => {
    const git = new MemoryGit();
    if (exists) {
      const before = party(git, "zero").journal;
      await before.acquire();
      await before.release({});
    }
    const both = [party(git, "one").journal, party(git, "two").journal];
    const ends = await Promise.allSettled(both.map((journal) => journal.acquire()));
    expect(ends.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
    const loser = ends.find((end) => end.status === "rejected") as PromiseRejectedResult;
    expect(loser.reason).toMatchObject({ code: "ERR_LOCKED" });
    expect(both.filter((journal) => journal.held)).toHaveLength(1);
  });

  it("is known to be taken when the reply to its update was lost, and known not to be when the update was", async () => {
    const git = new MemoryGit();
    const { journal } = party(git, "one");
    git.fault = "lost after";
    await journal.acquire();
    expect(journal.held).toBe(true);
    const other = new MemoryGit();
    other.fault = "lost before";
    const lost = party(other, "one").journal;
    expect(await failure(lost.acquire())).toMatchObject({ code: "ERR_UNREACHABLE" });
    expect(lost.held).toBe(false);
  });

  it("is given back only while the tip is the holder's own: afterwards nothing is written", async () => {
    const git = new MemoryGit();
    const one = party(git, "one").journal;
    await one.acquire();
    await steal(git, "two", "one");
    const before = git.ref;
    await one.release({ result: "done" });
    expect(git.ref).toBe(before);
    expect(one.held).toBe(false);
  });
});

/** Takes the lock of `holder` by force, after a full lease of watching. */
async function steal(git: MemoryGit, run: string, holder: string): Promise<Party> {
  const thief = party(git, run);
  await thief.journal.acquire(holder);
  return thief;
}

describe("stealing", () => {
  it("watches a laptop's run for its whole lease and a margin, by the thief's own clock", async () => {
    const git = new MemoryGit();
    await party(git, "one").journal.acquire();
    const thief = await steal(git, "two", "one");
    expect(thief.context.slept.reduce((sum, ms) => sum + ms, 0)).toBeGreaterThanOrEqual(LEASE_MS + MARGIN_MS);
    expect(git.events()).toEqual(["acquired", "stolen"]);
    expect(thief.journal.held).toBe(true);
  });

  it("stops as soon as the holder gives a sign of life", async () => {
    const git = new MemoryGit();
    const one = party(git, "one").journal;
    await one.acquire();
    let waits = 0;
    const thief = party(git, "two", {
      onSleep: () => {
        if (++waits === 3) void one.record("renewed");
      },
    });
    expect(await failure(thief.journal.acquire("one"))).toMatchObject({
      code: "ERR_LOCKED",
      message: expect.stringContaining("run one is alive") as string,
    });
    expect(thief.context.slept.length).toBeLessThan(10);
    expect(git.events()).toEqual(["acquired", "renewed"]);
  });

  it("needs no watching when GitHub says that the holder's workflow run is over", async () => {
    const git = new MemoryGit();
    await party(git, "one", { workflow: "77" }).journal.acquire();
    git.runs["77"] = "over";
    expect((await steal(git, "two", "one")).context.slept).toEqual([]);
  });

  it("watches a workflow run of which GitHub knows nothing", async () => {
    const git = new MemoryGit();
    await party(git, "one", { workflow: "77" }).journal.acquire();
    git.runs["77"] = "unknown";
    expect((await steal(git, "two", "one")).context.slept.length).toBeGreaterThan(0);
  });

  it("is refused at once, however long the lease, while GitHub says that the workflow run is not over", async () => {
    const git = new MemoryGit();
    await party(git, "one", { workflow: "77" }).journal.acquire();
    git.runs["77"] = "alive";
    const thief = party(git, "two");
    expect(await failure(thief.journal.acquire("one"))).toMatchObject({ code: "ERR_LOCKED", exitCode: 3 });
    expect(thief.context.slept).toEqual([]);
    expect(git.events()).toEqual(["acquired"]);
  });

  it("may name the workflow run instead", async () => {
    const git = new MemoryGit();
    await party(git, "one", { workflow: "77" }).journal.acquire();
    git.runs["77"] = "over";
    expect(await failure(party(git, "two").journal.acquire("78"))).toMatchObject({ code: "ERR_LOCKED" });
    expect((await steal(git, "two", "77")).journal.held).toBe(true);
  });

  it("takes the place of an earlier attempt of the same workflow run, which is over when the next one runs", async () => {
    const git = new MemoryGit();
    git.runs["77"] = "alive";
    await party(git, "one", { workflow: "77", attempt: 1 }).journal.acquire();
    expect(await failure(party(git, "x", { workflow: "77", attempt: 1 }).journal.acquire("one"))).toMatchObject({
      code: "ERR_LOCKED",
    });
    const second = party(git, "two", { workflow: "77", attempt: 2 });
    await second.journal.acquire("one");
    expect(second.context.slept).toEqual([]);
    expect(git.events()).toEqual(["acquired", "stolen"]);
  });

  it.each(["somebody", "on", "one2", "ONE", "", "7", "777"])(
    "names the run: another holder is not robbed by mistake (%j)",
    async (name) => {
      const git = new MemoryGit();
      git.runs["77"] = "over";
      await party(git, "one", { workflow: "77" }).journal.acquire();
      const error = await failure(party(git, "two").journal.acquire(name));
      expect(error.message).toBe("the lock is held by run one, not by the run named with --steal-lock");
      expect(git.events()).toEqual(["acquired"]);
    },
  );

  it("takes a free lock without waiting", async () => {
    const git = new MemoryGit();
    const one = party(git, "one").journal;
    await one.acquire();
    await one.release({});
    expect((await steal(git, "two", "one")).context.slept).toEqual([]);
  });

  it("keeps what the dead run knew", async () => {
    const git = new MemoryGit();
    const one = party(git, "one").journal;
    await one.acquire();
    await one.record("dead x", {}, { dead: ["00000000000000aa"], proven: true });
    const thief = await steal(git, "two", "one");
    expect(thief.journal.state.dead).toEqual(["00000000000000aa"]);
  });
});

describe("a reading of the tip", () => {
  it("serves every guard of the next five seconds, and none after them", async () => {
    const git = new MemoryGit();
    let readings = 0;
    const store = git.store();
    Object.defineProperty(git, "store", {
      value: () => ({ ...store, readRef: () => (readings++, store.readRef()) }),
    });
    const { journal, context } = party(git, "one");
    await journal.acquire();
    readings = 0;
    await Promise.all(Array.from({ length: 50 }, () => journal.guard()));
    expect(readings).toBe(0);
    await context.sleep(5001);
    await Promise.all(Array.from({ length: 50 }, () => journal.guard()));
    expect(readings).toBe(1);
  });
});

describe("a reading of the tip that is behind", () => {
  /** The ref as it was before the last entries, for so many looks. */
  function behind(git: MemoryGit) {
    const store = git.store();
    const shown: { sha: string | null; looks: number } = { sha: null, looks: 0 };
    const readRef: GitStore["readRef"] = async () =>
      shown.looks-- > 0 ? (shown.sha === null ? null : { sha: shown.sha }) : store.readRef();
    Object.defineProperty(git, "store", { value: () => ({ ...store, readRef }) });
    return shown;
  }

  it.each([
    ["its own entry before the last one", true],
    ["what was there before it took the lock", false],
  ])("by %s is waited for: nobody else wrote", async (_, own) => {
    const git = new MemoryGit();
    await party(git, "zero").journal.acquire();
    git.ref = null;
    const shown = behind(git);
    const holder = party(git, "one");
    const { journal } = holder;
    const before = git.ref;
    await journal.acquire();
    shown.sha = own ? git.ref : before;
    await journal.record("observed");
    await readAnew(holder);
    shown.looks = 9;
    await journal.guard();
    expect(shown.looks).toBeLessThan(0);
    await journal.record("switched");
    expect(git.events()).toEqual(["acquired", "observed", "switched"]);
  });

  it("for longer is no reading: somebody moved the ref back", async () => {
    const git = new MemoryGit();
    const shown = behind(git);
    const holder = party(git, "one");
    await holder.journal.acquire();
    shown.sha = git.ref;
    await holder.journal.record("observed");
    await readAnew(holder);
    shown.looks = 1000;
    expect(await failure(holder.journal.guard())).toMatchObject({ code: "ERR_LOCK_LOST" });
  });
});

describe("a foreign write", () => {
  it("stops the holder at the next entry, guard or look", async () => {
    for (const use of [
      (journal: Journal) => journal.record("observed"),
      (journal: Journal) => journal.guard(),
      (journal: Journal) => journal.read(),
    ]) {
      const git = new MemoryGit();
      const holder = party(git, "one");
      const one = holder.journal;
      await one.acquire();
      await steal(git, "two", "one");
      await readAnew(holder);
      expect(await failure(Promise.resolve(use(one)))).toMatchObject({ code: "ERR_LOCK_LOST", exitCode: 5 });
      expect(one.held).toBe(false);
      expect(git.events()).toEqual(["acquired", "stolen"]);
    }
  });

  it("by hand is reported, never guessed at", async () => {
    const git = new MemoryGit();
    const { sha } = await git.store().createCommit("a note of a person", []);
    git.ref = sha;
    expect(await failure(party(git, "one").journal.acquire())).toMatchObject({ code: "ERR_MISMATCH", exitCode: 3 });
  });
});

describe("the lease", () => {
  it("is renewed by the guard when it is getting old, and not before", async () => {
    const git = new MemoryGit();
    const { journal, context } = party(git, "one");
    await journal.acquire();
    await context.sleep(5 * 60_000);
    await journal.guard();
    expect(git.events()).toEqual(["acquired"]);
    await context.sleep(1);
    await journal.guard();
    expect(git.events()).toEqual(["acquired", "renewed"]);
  });

  it.each([
    ["before its end", LEASE_MS - 1],
    ["after it: the machine slept, or its clock was set forward", 24 * 3_600_000],
  ])("is renewed %s where nobody has taken the lock, and the run goes on", async (_, ms) => {
    const git = new MemoryGit();
    const { journal, context } = party(git, "one");
    await journal.acquire();
    await context.sleep(ms);
    await Promise.all([journal.guard(), journal.guard()]);
    expect(git.events()).toEqual(["acquired", "renewed"]);
    await journal.record("late");
    expect(git.events()).toEqual(["acquired", "renewed", "late"]);
  });

  it.each(["guard", "stay"] as const)("that is over is not renewed where somebody has: %s", async (check) => {
    const git = new MemoryGit();
    const { journal, context } = party(git, "one");
    await journal.acquire();
    await steal(git, "two", "one");
    await context.sleep(LEASE_MS);
    for (const work of [() => journal[check](), () => journal.record("late")])
      expect(await failure(work())).toMatchObject({ code: "ERR_LOCK_LOST", exitCode: 5 });
    expect(git.events()).toEqual(["acquired", "stolen"]);
  });

  it("that is over lets nothing through while GitHub is silent", async () => {
    const git = new MemoryGit();
    const { journal, context } = party(git, "one");
    await journal.acquire();
    await context.sleep(LEASE_MS);
    git.fault = "lost before";
    expect(await failure(journal.guard())).toMatchObject({ code: "ERR_UNREACHABLE" });
  });

  it("is counted from the holder's last entry", async () => {
    const git = new MemoryGit();
    const { journal, context } = party(git, "one");
    await journal.acquire();
    for (let i = 0; i < 10; i++) {
      await context.sleep(4 * 60_000);
      await journal.record(`entry ${i}`);
    }
    await expect(journal.guard()).resolves.toBeUndefined();
  });

  it("is needed for every write: before it was taken and after it was given back the guard refuses", async () => {
    const { journal } = party(new MemoryGit(), "one");
    expect(await failure(journal.guard())).toMatchObject({ code: "ERR_LOCK_LOST", exitCode: 5 });
    await journal.acquire();
    await journal.guard();
    await journal.release({});
    expect(await failure(journal.guard())).toMatchObject({ code: "ERR_LOCK_LOST" });
  });

  it("gives way to an interrupt before the next write", async () => {
    const controller = new AbortController();
    const git = new MemoryGit();
    const { journal } = party(git, "one", { signal: controller.signal });
    await journal.acquire();
    controller.abort();
    await expect(journal.guard()).rejects.toMatchObject({ name: "AbortError" });
    await journal.release({ result: "ERR_INTERRUPTED" });
    expect(git.events()).toEqual(["acquired", "released"]);
  });
});

describe("entries", () => {
  it("of parallel steps are written one after another, none is lost", async () => {
    const git = new MemoryGit();
    const { journal } = party(git, "one");
    await journal.acquire();
    await Promise.all(Array.from({ length: 8 }, (_, i) => journal.record(`step ${i}`)));
    expect(git.events()).toEqual(["acquired", ...Array.from({ length: 8 }, (_, i) => `step ${i}`)]);
  });

  it("are known to be written when the reply was lost, and can be tried again when the call was", async () => {
    const git = new MemoryGit();
    const { journal } = party(git, "one");
    await journal.acquire();
    git.fault = "lost after";
    await journal.record("first");
    git.fault = "lost before";
    expect(await failure(journal.record("second"))).toMatchObject({ code: "ERR_UNREACHABLE" });
    await journal.record("second");
    expect(git.events()).toEqual(["acquired", "first", "second"]);
  });

  it("need the lock", async () => {
    expect(await failure(party(new MemoryGit(), "one").journal.record("x"))).toMatchObject({ code: "ERR_LOCK_LOST" });
  });

  it("carry the state on, so that the tip alone is enough", async () => {
    const git = new MemoryGit();
    const { journal } = party(git, "one");
    await journal.acquire();
    await journal.record("a", {}, { proven: false, retired: "00000000000000aa" });
    await journal.record("b", {}, { abandoned: ["00000000000000bb"] });
    await journal.release({});
    const reader = party(git, "two").journal;
    await reader.read();
    expect(reader.state).toMatchObject({ proven: false, retired: "00000000000000aa", abandoned: ["00000000000000bb"] });
    expect(reader.heldByAnother).toBe(false);
  });

  it("keep the last 64 dead secrets", async () => {
    const git = new MemoryGit();
    const { journal } = party(git, "one");
    await journal.acquire();
    await journal.record("dead", {}, { dead: Array.from({ length: 100 }, (_, i) => i.toString(16).padStart(16, "0")) });
    await journal.release({});
    const reader = party(git, "two").journal;
    await reader.read();
    expect(reader.state.dead).toHaveLength(64);
    expect(reader.state.dead[0]).toBe("0".repeat(16));
  });

  it("are listed newest first, as many as asked for", async () => {
    const git = new MemoryGit();
    const { journal } = party(git, "one");
    await journal.acquire();
    for (let i = 0; i < 5; i++) await journal.record(`step ${i}`);
    expect((await journal.history(3)).map(({ entry }) => entry.event)).toEqual(["step 4", "step 3", "step 2"]);
    expect(await party(new MemoryGit(), "x").journal.history(3)).toEqual([]);
  });

  it("hold metadata only: what a run writes is what it was given, and no token of its context", async () => {
    const git = new MemoryGit();
    const canary = "canary-5f0c6a1be2d49317-value";
    const context = testContext({ env: { GH_TOKEN: canary } });
    const journal = new Journal(git.store(), context, { run: "one", actor: "a", workflow: "local", tool: "1" });
    await journal.acquire();
    await journal.record("observed", { phase: "STEADY" });
    await journal.release({ result: "done" });
    const all = [...git.commits.values()].map(({ message }) => message).join();
    for (const form of formsOf(canary)) expect(all).not.toContain(form);
  });
});

describe("an emergency without GitHub", () => {
  it("goes on without lock and journal, and still knows what it did itself", async () => {
    const git = new MemoryGit();
    const { journal } = party(git, "one");
    journal.detach();
    await journal.guard();
    await journal.record("switched", {}, { retired: "00000000000000aa", proven: false });
    await journal.release({});
    expect(git.ref).toBeNull();
    expect(journal.state).toMatchObject({ retired: "00000000000000aa", proven: false });
    expect(await journal.read()).toBe(journal.tip);
  });
});
