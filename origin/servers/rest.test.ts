import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { endProcessesOf } from "./rest.ts";

/** Nobody's. */
const UID = 29_871;

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
