import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { endProcessesOf } from "./rest.ts";

/** Nobody's. */
const UID = 29_871;

describe("the processes of a server", () => {
  it("are ended beside one that is gone already, and one that may not be ended", () => {
    const running = new Set([11, 12, 13, 14]);
    const refuse = (code: string): never => {
      throw Object.assign(new Error(code), { code });
    };
    endProcessesOf(UID, {
      list: (uid) => (uid === UID ? [...running] : []),
      kill: (pid) => {
        if (pid === 12) refuse("EPERM");
        running.delete(pid);
        if (pid === 11) refuse("ESRCH");
      },
    });
    expect([...running]).toEqual([12]);
  });
});

describe.skipIf(process.getuid?.() !== 0)("what a server left running (needs the right to change user ids)", () => {
  it("is ended, in whatever group and session it is", async () => {
    const left = spawn("setpriv", ["--reuid", String(UID), "--clear-groups", "--", "setsid", "--wait", "sleep", "300"]);
    const other = spawn("sleep", ["300"]);
    await Promise.all([once(left, "spawn"), once(other, "spawn")]);
    // Under the id only when setpriv has become the program.
    const ended = once(left, "exit");
    const timer = setInterval(() => endProcessesOf(UID), 20);
    expect((await ended)[1]).toBe("SIGKILL");
    clearInterval(timer);
    expect(other.exitCode ?? other.signalCode).toBeNull();
    other.kill("SIGKILL");
  });
});
