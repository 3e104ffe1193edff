import { describe, expect, it } from "vitest";
import { McpistError } from "../errors.ts";
import { failure, MemoryGit, party, readAnew } from "../test/memory-git.ts";
import type { GitStore } from "../targets/types.ts";

const nobody = (): void => undefined;
const lost = { code: "ERR_LOCK_LOST", exitCode: 5 };

/** A run that holds the lock, and the emergency that took it away. */
async function overtaken() {
  const git = new MemoryGit();
  const holder = party(git, "one");
  const one = holder.journal;
  await one.acquire();
  await party(git, "two").journal.seize(nobody);
  await readAnew(holder);
  return { git, one };
}

describe("a run that lost its lock", () => {
  it("passes no guard again, in any of its parallel branches, and writes no entry", async () => {
    const { git, one } = await overtaken();
    const branches = await Promise.all(Array.from({ length: 6 }, () => failure(one.guard())));
    for (const error of branches) expect(error).toMatchObject(lost);
    expect(await failure(one.guard())).toMatchObject(lost);
    expect(await failure(one.record("wrote fly"))).toMatchObject(lost);
    expect(await failure(one.acquire())).toMatchObject(lost);
    await one.release({ result: "done" });
    expect(git.events()).toEqual(["acquired", "seized"]);
  });

  it("learns it from a branch that only looks", async () => {
    const { one } = await overtaken();
    expect(await failure(one.read())).toMatchObject(lost);
    expect(await failure(one.guard())).toMatchObject(lost);
  });

  it("stays out even when the other one has given the lock back", async () => {
    const git = new MemoryGit();
    const holder = party(git, "one");
    const [one, two] = [holder.journal, party(git, "two").journal];
    await one.acquire();
    await two.seize(nobody);
    await two.release({});
    await readAnew(holder);
    for (let i = 0; i < 2; i++) expect(await failure(one.guard())).toMatchObject(lost);
  });

  it.each([
    ["the machine slept, and only the wall clock went on", "seized"],
    ["the process was stopped", "seized"],
    ["the process was stopped", "given back"],
  ])("passes no guard when it wakes after its lease: %s, and its lock was %s", async (why, lock) => {
    const git = new MemoryGit();
    const { journal, context } = party(git, "one");
    let wall = 0;
    Object.assign(context, { now: () => new Date(Date.parse("2026-11-22T12:00:00Z") + wall) });
    await journal.acquire();
    const two = party(git, "two").journal;
    await two.seize(nobody);
    if (lock === "given back") await two.release({});
    if (why.startsWith("the machine")) wall = 14 * 60_000;
    else await context.sleep(14 * 60_000);
    const tip = git.ref;
    expect(await failure(journal.guard())).toMatchObject(lost);
    expect(git.ref).toBe(tip);
  });

  it("is not one whose own entry landed late", async () => {
    const git = new MemoryGit();
    const { journal } = party(git, "one");
    await journal.acquire();
    const before = git.ref;
    git.fault = "lost before";
    await failure(journal.record("switched"));
    // The update was only slow: it lands after the run gave it up.
    git.ref = [...git.commits.keys()].at(-1) ?? null;
    expect(git.ref).not.toBe(before);
    await journal.guard();
    await journal.record("drained");
    expect(git.events()).toEqual(["acquired", "switched", "drained"]);
  });
});

describe("an emergency", () => {
  it("takes the lock of a living holder at once and says who it was", async () => {
    const git = new MemoryGit();
    await party(git, "one", { workflow: "77" }).journal.acquire();
    git.runs["77"] = "alive";
    const { journal, context } = party(git, "two");
    const former = await journal.seize(nobody);
    expect(former?.tip.entry).toMatchObject({ run: "one", workflow: "77" });
    expect(former?.lateMs).toBeGreaterThanOrEqual(120_000);
    expect(context.slept).toEqual([]);
    await journal.guard();
    expect(journal.tip?.entry).toMatchObject({ event: "seized", detail: { from: "one" } });
  });

  it("takes it again when the holder wrote meanwhile", async () => {
    const git = new MemoryGit();
    const holder = party(git, "one");
    const one = holder.journal;
    await one.acquire();
    let writes = 0;
    const store = git.store();
    const create: GitStore["createCommit"] = (message, parents) => store.createCommit(message, parents);
    Object.defineProperty(git, "store", {
      value: () => ({
        ...store,
        createCommit: async (message: string, parents: readonly string[]) => {
          const made = await create(message, parents);
          if (writes++ < 3) await one.record(`step ${writes}`);
          return made;
        },
      }),
    });
    const { journal } = party(git, "two");
    expect((await journal.seize(nobody))?.tip.entry.run).toBe("one");
    expect(git.events()).toEqual(["acquired", "step 1", "step 2", "step 3", "seized"]);
    await readAnew(holder);
    expect(await failure(one.guard())).toMatchObject(lost);
  });

  it.each([
    ["free", null],
    ["held by a run that has been silent for days", 0],
  ])("waits for no late write when the lock was %s", async (state, lateMs) => {
    const git = new MemoryGit();
    const one = party(git, "one").journal;
    await one.acquire();
    if (state === "free") await one.release({});
    git.clock += 2 * 24 * 3_600_000;
    expect((await party(git, "two").journal.seize(nobody))?.lateMs ?? null).toBe(lateMs);
  });

  it("is not kept out by a ref that somebody wrote nonsense to", async () => {
    const git = new MemoryGit();
    git.ref = (await git.store().createCommit("nonsense", [])).sha;
    const { journal } = party(git, "two");
    const former = await journal.seize(nobody);
    expect(former?.lateMs).toBeGreaterThan(0);
    await journal.guard();
  });

  it("goes on without the journal when GitHub falls silent after that, and says so once", async () => {
    const git = new MemoryGit();
    const store = git.store();
    let silent = false;
    const unless = <T>(value: Promise<T>): Promise<T> =>
      silent ? Promise.reject(new McpistError("ERR_UNREACHABLE", "GitHub did not answer")) : value;
    Object.defineProperty(git, "store", {
      value: (): Partial<typeof store> => ({ ...store, readRef: () => unless(store.readRef()) }),
    });
    const told: string[] = [];
    const two = party(git, "two");
    const { journal } = two;
    await journal.seize((why) => told.push(why));
    await readAnew(two);
    silent = true;
    await Promise.all([journal.guard(), journal.guard()]);
    await journal.record("switched", {}, { retired: "00000000000000aa" });
    expect(told).toEqual(["GitHub did not answer"]);
    expect(journal.detached).toBe(true);
    expect(journal.state.retired).toBe("00000000000000aa");
    // It is back at the end: the lock is given back, and the entry tells what was done meanwhile.
    silent = false;
    await journal.release({ result: "ERR_PARTIAL" });
    expect(git.events()).toEqual(["acquired", "released"]);
  });
});
