import { expect, it } from "vitest";
import { McpistError } from "../errors.ts";
import { HINTS } from "../hints/hints.ts";
import { desk, FLAGS, type, type Desk } from "../test/follow.ts";
import { testContext } from "../test/test-context.ts";
import { at, installed } from "../test/worlds.ts";
import { watchChanges } from "./watch.ts";

/** What is printed when these looks follow each other, and then somebody presses Ctrl-C. */
async function watched(looks: readonly (string | McpistError)[]): Promise<string> {
  const controller = new AbortController();
  let next = 0;
  const context = testContext({
    signal: controller.signal,
    onSleep: () => {
      if (next === looks.length) controller.abort();
    },
  });
  await watchChanges(context, async ({ stdout }) => {
    const look = looks[next++] ?? "";
    if (look instanceof McpistError) throw look;
    stdout.write(look);
  });
  return context.out();
}

it("prints what changed, with its time, and nothing else", async () => {
  expect(await watched(["one\n", "one\n", "two\n", "two\n"])).toBe(
    "2026-11-22T12:00:00.000Z  one\n\n2026-11-22T12:00:20.000Z  two\n\n",
  );
});

it("says that it cannot see, and goes on", async () => {
  const down = new McpistError("ERR_UNREACHABLE", "koyeb does not answer", { hint: HINTS.interrupted() });
  expect(await watched(["one\n", down, "one\n"])).toMatch(
    /one\n\n\S+ {2}cannot be seen: koyeb does not answer\n\n\S+ {2}one\n\n$/,
  );
});

it("ends where no look can ever succeed", async () => {
  const wrong = new McpistError("ERR_CONFIG", "there is no such environment", { hint: HINTS.writeConfig(null) });
  await expect(watched([wrong, "one\n"])).rejects.toBe(wrong);
});

it.each([
  ["is opened once while every party can be seen", false, 1],
  ["is opened anew after a party could not be seen", true, 3],
])("a session %s", async (_, blind, sessions) => {
  const stop = new AbortController();
  const cloud = installed();
  if (blind) at(cloud, "fly").down = true;
  let [opened, looks] = [0, 0];
  const swap: Desk["swap"] = (targets) => {
    opened++;
    const look: typeof targets.worker.look = (...known) => {
      if (++looks === 3) stop.abort();
      return targets.worker.look(...known);
    };
    return { ...targets, worker: { ...targets.worker, look } };
  };
  const words = ["secrets", "status", "--watch", ...FLAGS];
  const { code, text } = await type(desk({ cloud, swap, signal: stop.signal }), words);
  expect([code, opened]).toEqual([0, sessions]);
  expect(text).toContain(`phase ${blind ? "BLIND" : "STEADY"}`);
});
