import { describe, expect, it } from "vitest";
import type { OriginTarget, Targets } from "../targets/types.ts";
import { MemoryGit, party } from "../test/memory-git.ts";
import { Run } from "./run.ts";

/** Origins whose rollouts write down when they begin and end. */
function rollouts(
  ...origins: readonly { name: string; alone: boolean; state?: "pool" | "joining"; short?: string[] }[]
) {
  const seen: string[] = [];
  const notes: string[] = [];
  const targets = origins.map(({ name, alone, state = "pool", short = [] }) => ({
    name,
    state,
    outlook: async () => ({ alone, short }),
    roll: async () => {
      seen.push(`${name} away`);
      for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
      seen.push(`${name} back`);
    },
  })) as unknown as readonly OriginTarget[];
  const git = new MemoryGit();
  const { journal, context } = party(git, "one");
  const report = { begin: () => () => undefined, note: (text: string) => void notes.push(text) };
  const drain = { minAge: 0, quiet: 0, max: 0 };
  const run = new Run({
    context,
    targets: { origins: targets } as unknown as Targets,
    journal,
    store: git.store(),
    drain,
    report,
  });
  return { run, seen, notes, all: () => Promise.all(targets.map((origin) => run.roll(origin, "rolling"))) };
}

describe("rollouts beside each other", () => {
  it("take away one at a time of those that are alone on their platform", async () => {
    const { all, seen, notes } = rollouts({ name: "one", alone: true }, { name: "two", alone: true });
    await all();
    expect(seen).toEqual(["one away", "one back", "two away", "two back"]);
    expect(notes).toEqual([]);
  });
  it("do not wait for those that keep serving", async () => {
    const { all, seen } = rollouts({ name: "one", alone: false }, { name: "two", alone: false });
    await all();
    expect(seen).toEqual(["one away", "two away", "one back", "two back"]);
  });
  it("say once which instances get more time to end their calls", async () => {
    const { all, notes } = rollouts({ name: "fly", alone: false, short: ["m1", "m2"] });
    await all();
    await all();
    expect(notes).toEqual(["fly: m1, m2 had five seconds to end calls and get 65 s (stop_config), which stays"]);
  });
  it("say first that requests will fail where nobody else is in the pool", async () => {
    const { all, notes } = rollouts({ name: "one", alone: true }, { name: "two", alone: false, state: "joining" });
    await all();
    expect(notes).toEqual(["one has one instance and no other origin is in the pool: requests fail while it boots"]);
  });
});
