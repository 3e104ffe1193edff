import { describe, expect, it } from "vitest";
import { historyRows } from "../commands/secrets-history.ts";
import { MemoryGit, failure, party } from "../test/memory-git.ts";
import { EMPTY, parseEntry, type JournalEntry } from "./journal-entry.ts";

const KID = "00000000000000aa";

/** What stands in the commit at the tip, as an older tool would read it. */
function written(git: MemoryGit): JournalEntry {
  const { message = "{}" } = git.commits.get(git.ref ?? "") ?? {};
  return JSON.parse(message.slice(message.indexOf("{"))) as JournalEntry;
}

describe("what no later run depends on", () => {
  it("waits for the next entry, and counts for the run itself at once", async () => {
    const git = new MemoryGit();
    const { journal } = party(git, "one");
    await journal.acquire();
    journal.note("wrote koyeb");
    journal.note("uploaded", { version: "v2" }, { lastSender: "v1" });
    expect(git.events()).toEqual(["acquired"]);
    expect(journal.state.lastSender).toBe("v1");
    await journal.record("switching", { version: "v2" });
    expect(git.events()).toEqual(["acquired", "switching"]);
    expect(written(git)).toMatchObject({
      event: "switching",
      since: [
        { event: "wrote koyeb", detail: {} },
        { event: "uploaded", detail: { version: "v2" } },
      ],
      state: { lastSender: "v1" },
    });
    await journal.record("switched");
    expect(written(git).since).toBeUndefined();
  });

  it("is written when the lock is given back", async () => {
    const git = new MemoryGit();
    const { journal } = party(git, "one");
    await journal.acquire();
    journal.note(`dead ${KID}`, { kid: KID }, { dead: [KID], proven: true });
    await journal.release({ result: "done" });
    const reader = party(git, "two").journal;
    await reader.read();
    expect(reader.state).toMatchObject({ dead: [KID], proven: true });
  });

  it("is written once when an entry that carries it landed and only the answer was lost", async () => {
    const git = new MemoryGit();
    const { journal } = party(git, "one");
    await journal.acquire();
    journal.note("wrote fly");
    git.fault = "lost after";
    await journal.record("staging");
    await journal.record("switching");
    expect([...git.commits.values()].filter(({ message }) => message.includes("wrote fly"))).toHaveLength(1);
  });

  it("is not lost when the entry that was to carry it never landed", async () => {
    const git = new MemoryGit();
    const { journal } = party(git, "one");
    await journal.acquire();
    journal.note("wrote fly");
    git.fault = "lost before";
    expect(await failure(journal.record("staging"))).toMatchObject({ code: "ERR_UNREACHABLE" });
    await journal.record("staging");
    expect(written(git).since).toEqual([{ event: "wrote fly", detail: {} }]);
  });

  it("is shown by the history before the entry that it was written with", async () => {
    const git = new MemoryGit();
    const { journal } = party(git, "one");
    await journal.acquire();
    journal.note("wrote fly");
    journal.note("rolled fly");
    await journal.record("switching", { version: "v2" });
    const rows = historyRows(await journal.history(9));
    expect(rows.map(([time, , , event, detail]) => [time === "" ? "" : "at", event, detail])).toEqual([
      ["at", "switching", "version=v2"],
      ["", "rolled fly", ""],
      ["", "wrote fly", ""],
      ["at", "acquired", ""],
    ]);
  });
});

describe("what is dated by its own entry", () => {
  it("has the platform's time of that entry for every reader, and none for an older tool until the next one", async () => {
    const git = new MemoryGit();
    const { journal } = party(git, "one");
    await journal.acquire();
    const live = { kid: KID, since: null };
    const { date } = await journal.record("switched", {}, { live }, ["live"]);
    expect(journal.state.live).toEqual({ kid: KID, since: date });
    expect(written(git).state.live).toEqual({ kid: KID, since: null });
    const reader = party(git, "two").journal;
    await reader.read();
    expect(reader.state.live).toEqual({ kid: KID, since: date });
    await journal.record("drained");
    expect(written(git).state.live).toEqual({ kid: KID, since: date });
  });

  it("is the acknowledgement of GitHub's slots, and the age of a candidate", () => {
    const entry = {
      schema: 1,
      run: "one",
      actor: "somebody",
      workflow: "local",
      event: "wrote github",
      leaseSeconds: 900,
      detail: {},
      dated: ["vault", "candidate"],
      state: {
        ...EMPTY,
        vault: { a: KID, b: null, ackAt: null },
        candidate: { kid: KID, slot: "a", since: null, run: "one" },
        live: { kid: KID, since: null },
      },
    };
    const { state } = parseEntry(`mcpist: wrote github\n\n${JSON.stringify(entry)}`, "2026-11-22T12:00:05Z");
    expect(state.vault.ackAt).toBe("2026-11-22T12:00:05Z");
    expect(state.candidate?.since).toBe("2026-11-22T12:00:05Z");
    expect(state.live?.since).toBeNull();
  });
});

describe("a run that only waits", () => {
  it("renews its lease, and no more", async () => {
    const git = new MemoryGit();
    const one = party(git, "one");
    await one.journal.acquire();
    await one.context.sleep(4 * 60_000);
    await one.journal.stay();
    expect(git.events()).toEqual(["acquired"]);
    await one.context.sleep(2 * 60_000);
    await one.journal.stay();
    expect(git.events()).toEqual(["acquired", "renewed"]);
  });
});
