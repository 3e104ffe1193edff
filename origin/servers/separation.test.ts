import { describe, expect, it } from "vitest";
import { maySeparate, spawnPlan } from "./separation.ts";

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

  it("is not assumed where the kernel says nothing", () => {
    expect(maySeparate("")).toBe(false);
  });

  it("gives each server an id of its own, and takes every right away", () => {
    expect(spawnPlan(["weather", "--fast"], 2, false, true)).toEqual({
      ok: true,
      value: {
        file: "setpriv",
        args: [
          "--reuid",
          "20003",
          "--regid",
          "20003",
          "--clear-groups",
          "--inh-caps=-all",
          "--ambient-caps=-all",
          "--no-new-privs",
          "--",
          "weather",
          "--fast",
        ],
        uid: 20003,
      },
    });
  });

  it("is kept even for a trusted server where it is possible", () => {
    const plan = spawnPlan(["weather"], 0, true, true);
    expect(plan.ok && plan.value.uid).toBe(20001);
  });

  it("refuses a server that is not trusted where it is impossible", () => {
    expect(spawnPlan(["weather"], 0, false, false).ok).toBe(false);
    expect(spawnPlan(["weather", "-v"], 0, true, false)).toEqual({
      ok: true,
      value: { file: "weather", args: ["-v"], uid: null },
    });
  });
});
