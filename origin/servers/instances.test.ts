import { describe, expect, it } from "vitest";
import { Secret } from "../modules/secret.ts";
import type { ForeignCall, ForeignOutcome } from "./connection.ts";
import { onBehalfOf, type OnBehalf } from "./http-transport.ts";
import { IDLE_MS, MAX_USER_INSTANCES, perUser } from "./instances.ts";
import type { Supervisor } from "./supervisor.ts";

const CALL: ForeignCall = {
  name: "t",
  params: {},
  meta: {},
  signal: new AbortController().signal,
  timeoutMs: 1_000,
  onProgress: null,
};
const RESULT: ForeignOutcome = { kind: "result", result: { content: [] } };

function arrange() {
  let now = 0;
  const made: { stopped: boolean; startedFor?: OnBehalf | undefined; answer: (outcome: ForeignOutcome) => void }[] = [];
  const instances = perUser(
    (): Supervisor => {
      const answers: ((outcome: ForeignOutcome) => void)[] = [];
      const record: (typeof made)[number] = { stopped: false, answer: (outcome) => answers.shift()?.(outcome) };
      made.push(record);
      return {
        start: () => void (record.startedFor = onBehalfOf.getStore()),
        state: "up",
        call: () => new Promise((resolve) => answers.push(resolve)),
        settled: async () => {},
        stop: async () => void (record.stopped = true),
      };
    },
    () => now,
  );
  return { instances, made, later: (ms: number) => void (now += ms) };
}
const serve = async ({ instances, made }: ReturnType<typeof arrange>, user: string) => {
  const answer = instances.call(user, CALL);
  await new Promise(setImmediate);
  made.at(-1)?.answer(RESULT);
  return answer;
};

describe("instances of users", () => {
  it("are one for each, and the same at the next call", async () => {
    const test = arrange();
    expect(await serve(test, "anna")).toEqual(RESULT);
    expect(await serve(test, "anna")).toEqual(RESULT);
    expect(await serve(test, "ben")).toEqual(RESULT);
    expect(test.made).toHaveLength(2);
  });

  it("are kept in the name of their user, and of no call, though the first call starts them", async () => {
    const test = arrange();
    const account = new Secret("token-of-the-user");
    await onBehalfOf.run({ userId: "anna", requestId: "019a0000-0000-7000-8000-000000000001", account }, () =>
      serve(test, "anna"),
    );
    expect(test.made[0]?.startedFor).toEqual({ userId: "anna", requestId: null, account: null });
  });

  it("end when nobody has called them for a while, but not in the middle of a call", async () => {
    const test = arrange();
    await serve(test, "anna");
    const running = test.instances.call("ben", CALL);
    await new Promise(setImmediate);
    test.later(IDLE_MS + 1);
    await test.instances.sweep();
    expect(test.made.map(({ stopped }) => stopped)).toEqual([true, false]);
    test.made[1]?.answer(RESULT);
    expect(await running).toEqual(RESULT);
  });

  it("end with their user", async () => {
    const test = arrange();
    await serve(test, "anna");
    await serve(test, "ben");
    await test.instances.endUser("anna");
    expect(test.made.map(({ stopped }) => stopped)).toEqual([true, false]);
  });

  it("are bounded: the one that rested longest makes room, and none is there while all work", async () => {
    const test = arrange();
    const users = Array.from({ length: MAX_USER_INSTANCES }, (_, index) => `user-${index}`);
    for (const user of users) {
      await serve(test, user);
      test.later(1);
    }
    await serve(test, "late");
    expect(test.made.map(({ stopped }) => stopped).indexOf(true)).toBe(0);
    expect(test.made.filter(({ stopped }) => stopped)).toHaveLength(1);

    const busy = [...users.slice(1), "late"].map((user) => test.instances.call(user, CALL));
    await new Promise(setImmediate);
    expect(await test.instances.call("nobody", CALL)).toBeNull();
    for (const instance of test.made) instance.answer(RESULT);
    expect(await Promise.all(busy)).toHaveLength(MAX_USER_INSTANCES);
  });
});
