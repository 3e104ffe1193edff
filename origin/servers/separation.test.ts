import { describe, expect, it } from "vitest";
import { findSeparator, maySeparate, spawnPlan, wordsOf } from "./separation.ts";

const status = (effective: string): string => `Name:\tnode\nCapEff:\t${effective}\nSeccomp:\t0\n`;

describe("separation of a server from the origin", () => {
  it.each([
    ["root", "000001ffffffffff", true],
    ["nobody in particular", "0000000000000000", false],
    ["setuid, setgid and kill", "00000000000000e0", true],
    ["setuid without setgid", "00000000000000a0", false],
    ["setuid and setgid without kill", "00000000000000c0", false],
  ])("is possible or not: %s", (_, effective, possible) => {
    expect(maySeparate(status(effective))).toBe(possible);
  });

  it.each([
    ["root", "000001ffffffffff", "/opt/bin:/usr/bin:/bin", "/usr/bin/setpriv"],
    ["nobody in particular", "0000000000000000", "/usr/bin", null],
    ["root without the program", "000001ffffffffff", "/opt/bin", null],
    ["root with the program in a relative folder", "000001ffffffffff", ".:bin", null],
  ])("takes a program that is there: %s", (_, effective, path, found) => {
    const isProgram = (file: string) => ["/usr/bin/setpriv", "./setpriv", "bin/setpriv"].includes(file);
    expect(findSeparator(status(effective), path, isProgram)).toBe(found);
  });

  it("is not assumed where the kernel says nothing", () => {
    expect(maySeparate("")).toBe(false);
  });

  it("gives each server an id of its own, and takes every right away", () => {
    expect(spawnPlan(["weather", "--fast"], 2, false, "/usr/bin/setpriv")).toEqual({
      ok: true,
      value: {
        command: ["weather", "--fast"],
        asUser: [
          "/usr/bin/setpriv",
          "--reuid",
          "20003",
          "--regid",
          "20003",
          "--clear-groups",
          "--inh-caps=-all",
          "--ambient-caps=-all",
          "--no-new-privs",
          "--pdeathsig=KILL",
          "--",
        ],
        uid: 20003,
      },
    });
  });

  it("is kept even for a trusted server where it is possible", () => {
    const plan = spawnPlan(["weather"], 0, true, "/usr/bin/setpriv");
    expect(plan.ok && plan.value.uid).toBe(20001);
  });

  it("refuses a server that is not trusted where it is impossible", () => {
    expect(spawnPlan(["weather"], 0, false, null).ok).toBe(false);
    expect(spawnPlan(["weather", "-v"], 0, true, null)).toEqual({
      ok: true,
      value: { command: ["weather", "-v"], asUser: null, uid: null },
    });
  });

  it("goes into the server's folder as the server's user, which the origin may not be able to", () => {
    const command = ["weather", "-v"];
    expect(wordsOf({ command, asUser: null, uid: null }, "/tmp/w")).toEqual({ words: command, cwd: "/tmp/w" });
    expect(wordsOf({ command, asUser: ["setpriv", "--"], uid: 20001 }, "/tmp/w")).toEqual({
      words: [
        "setpriv",
        "--",
        "/bin/sh",
        "-c",
        '{ echo 1000 > /proc/self/oom_score_adj; prlimit --pid $$ --nproc=1024; } 2> /dev/null; cd "$0" && exec "$@"',
        "/tmp/w",
        "weather",
        "-v",
      ],
      cwd: "/",
    });
  });
});
