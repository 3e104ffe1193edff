import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { MemoryGit, failure, party } from "../test/memory-git.ts";
import { processesOf, THIS_MACHINE, type Holder, type Machine } from "./holder.ts";

const stat = (pid: number, state: string, started: number): string =>
  `${pid} (node) main.ts) (x) ${state} 1 1 1 0 -1 4194560 ${Array.from({ length: 11 }, () => 0).join(" ")} 0 ${started} 1 1`;

/** A machine with the processes that are given, by id: their line in /proc, or null where /proc hides them. */
function machine(
  running: Readonly<Record<number, string | null>>,
  change: Partial<Record<string, string>> = {},
): Machine {
  const files: Record<string, string> = {
    "/proc/sys/kernel/random/boot_id": "0f5d6a3e-boot\n",
    "/proc/sys/kernel/hostname": "laptop\n",
    "/proc/self/ns/pid": "pid:[4026531836]",
    ...change,
  };
  const read = (path: string): string => {
    const id = /^\/proc\/(\d+)\/stat$/.exec(path)?.[1];
    const text = id === undefined ? files[path] : running[Number(id)];
    if (text === undefined || text === null) throw Object.assign(new Error("no such file"), { code: "ENOENT" });
    return text;
  };
  return {
    pid: 100,
    read,
    link: read,
    signal: (pid) => {
      if (!(pid in running)) throw Object.assign(new Error("no such process"), { code: "ESRCH" });
      if (running[pid] === null) throw Object.assign(new Error("not permitted"), { code: "EPERM" });
    },
  };
}
const own = machine({ 100: stat(100, "R", 5000) });
const holder: Holder = processesOf(own).self() ?? { machine: "", pid: 0, started: "" };

describe("a process that held the lock", () => {
  it("is named by machine, id and start", () => {
    expect(holder).toEqual({ machine: expect.stringMatching(/^[0-9a-f]{16}$/) as unknown, pid: 100, started: "5000" });
  });

  it.each<[string, boolean, Machine]>([
    ["there is none of that id", true, machine({ 200: stat(200, "R", 9000) })],
    ["its id belongs to a process that started later", true, machine({ 100: stat(100, "S", 7000) })],
    ["it has ended and nobody has asked how", true, machine({ 100: stat(100, "Z", 5000) })],
    ["it runs", false, machine({ 100: stat(100, "R", 5000) })],
    ["it is stopped", false, machine({ 100: stat(100, "T", 5000) })],
    ["it is somebody else's and hidden", false, machine({ 100: null })],
    ["the machine was booted again", false, machine({}, { "/proc/sys/kernel/random/boot_id": "another\n" })],
    ["it is in another container", false, machine({}, { "/proc/self/ns/pid": "pid:[4026532999]" })],
    ["it is on another host", false, machine({}, { "/proc/sys/kernel/hostname": "elsewhere\n" })],
  ])("when %s, it is gone: %s", (_, expected, now) => {
    expect(processesOf(now).isGone(holder)).toBe(expected);
  });

  it("proves nothing where the machine tells nothing", () => {
    const silent: Machine = {
      ...own,
      read: () => {
        throw new Error("no /proc");
      },
    };
    expect(processesOf(silent).self()).toBeNull();
    expect(processesOf(silent).isGone(holder)).toBe(false);
  });

  it.runIf(process.platform === "linux")("is known on this machine: a living child, and a killed one", async () => {
    const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore" });
    await once(child, "spawn");
    const real = processesOf();
    const self = real.self();
    const { pid = 0 } = child;
    const started = processesOf({ ...THIS_MACHINE, pid }).self()?.started ?? "";
    const theirs = { machine: self?.machine ?? "", pid, started };
    expect(started).toMatch(/^\d+$/);
    expect(real.isGone(theirs)).toBe(false);
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(real.isGone(theirs)).toBe(true);
  });
});

describe("a lock whose process is gone", () => {
  const gone = { self: () => null, isGone: ({ pid }: Holder) => pid === 100 };

  it("is taken at once by an ordinary command of the same machine, which is told whose it was", async () => {
    const git = new MemoryGit();
    await party(git, "one", { holder }).journal.acquire();
    const two = party(git, "two", { processes: gone });
    const former = await two.journal.acquire();
    expect(former?.entry).toMatchObject({ run: "one", holder });
    expect(two.context.slept).toEqual([]);
    expect(git.events()).toEqual(["acquired", "stolen"]);
  });

  it("is not waited for either when it is named", async () => {
    const git = new MemoryGit();
    await party(git, "one", { holder }).journal.acquire();
    const two = party(git, "two", { processes: gone });
    await two.journal.acquire("one");
    expect(two.context.slept).toEqual([]);
  });

  it.each([
    ["its process runs", { ...holder, pid: 101 }],
    ["an older version of the tool took it", undefined],
  ])("is nobody's to take when %s", async (_, other) => {
    const git = new MemoryGit();
    await party(git, "one", other ? { holder: other } : {}).journal.acquire();
    const two = party(git, "two", { processes: gone });
    expect(await failure(two.journal.acquire())).toMatchObject({ code: "ERR_LOCKED" });
  });
});
