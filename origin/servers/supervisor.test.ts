import { describe, expect, it, vi } from "vitest";
import type { Connection, ForeignCall, ForeignOutcome, RawListing } from "./connection.ts";
import { relistPause, supervise, type ServerState } from "./supervisor.ts";

const pauses: number[] = vi.hoisted(() => []);
/** Pauses of seconds are short ones here. */
vi.mock("node:timers/promises", async (original) => {
  const real = await original<typeof import("node:timers/promises")>();
  return {
    ...real,
    setTimeout: <T>(ms: number, value?: T, options?: object) => {
      pauses.push(ms);
      return real.setTimeout(Math.min(ms, 20), value, options);
    },
  };
});

/** Longer than the pause before the next start. */
const stillThere = () => new Promise((resolve) => setTimeout(resolve, 200));
const LISTING: RawListing = { tools: [], truncated: false, instructions: "" };

function fake() {
  const over = Promise.withResolvers<void>();
  const connection: Connection = {
    list: async () => LISTING,
    call: async () => ({ kind: "refused" }),
    answers: async () => false,
    close: async () => over.resolve(),
    closed: over.promise,
  };
  return { connection, end: () => over.resolve() };
}

describe("a supervised server", () => {
  it("is started again after its end, and asked anew for its tools", async () => {
    const states: ServerState[] = [];
    const running = [fake(), fake()];
    let starts = 0;
    let listings = 0;
    const supervisor = supervise({
      connect: async () => running[starts++]?.connection ?? Promise.reject(new Error("no more")),
      onListing: () => void listings++,
      onState: (state) => void states.push(state),
      random: () => 0,
    });
    supervisor.start();
    await expect.poll(() => supervisor.state).toBe("up");
    running[0]?.end();
    await expect.poll(() => starts).toBe(2);
    await expect.poll(() => supervisor.state).toBe("up");
    expect(listings).toBe(2);
    expect(states).toEqual(["up", "down", "up"]);
    await supervisor.stop();
    expect(states.at(-1)).toBe("stopped");
  });

  it("gets a new session for the one that it lost, while what is under way in the old one goes on", async () => {
    const states: ServerState[] = [];
    const old = fake();
    const late = Promise.withResolvers<ForeignOutcome>();
    let closed = false;
    const supervisor = supervise({
      connect: vi
        .fn()
        .mockResolvedValueOnce({
          ...old.connection,
          call: ({ name }: ForeignCall) => (name === "late" ? late.promise : Promise.resolve({ kind: "lost" })),
          close: async () => void (closed = true),
        })
        .mockResolvedValueOnce(fake().connection),
      onListing: () => {},
      onState: (state) => void states.push(state),
      random: () => 0,
    });
    const call = (name: string) =>
      supervisor.call({
        name,
        params: {},
        meta: {},
        signal: new AbortController().signal,
        timeoutMs: 1_000,
        onProgress: null,
      });
    supervisor.start();
    await supervisor.settled();
    const underWay = call("late");
    expect(await Promise.all([call("t"), call("t")])).toEqual([{ kind: "lost" }, { kind: "lost" }]);
    expect(await call("t")).toEqual({ kind: "refused" });
    expect(closed).toBe(false);
    late.resolve({ kind: "asks" });
    expect(await underWay).toEqual({ kind: "asks" });
    await expect.poll(() => closed).toBe(true);
    expect(states).toEqual(["up"]);
    await supervisor.stop();
  });

  it.each([
    ["ends", (old: ReturnType<typeof fake>) => old.end()],
    ["has no list any more", (_old: unknown, changed: () => void) => changed()],
  ])("that %s is over before it is started anew, also in the middle of a call", async (_what, fail) => {
    const old = fake();
    const order: string[] = [];
    let changed = (): void => {};
    const closing = Promise.withResolvers<void>();
    const supervisor = supervise({
      connect: vi
        .fn()
        .mockImplementationOnce(async (onListChanged: () => void) => {
          changed = onListChanged;
          order.push("first starts");
          return {
            ...old.connection,
            list: vi.fn().mockResolvedValueOnce(LISTING).mockRejectedValue(new Error("no list")),
            call: () => closing.promise.then(() => ({ kind: "unknown" })),
            close: async () => {
              await stillThere();
              order.push("first ends");
              closing.resolve();
            },
          };
        })
        .mockImplementationOnce(async () => {
          order.push("second starts");
          return fake().connection;
        }),
      onListing: () => {},
      onState: () => {},
      random: () => 0,
    });
    supervisor.start();
    await supervisor.settled();
    const { signal } = new AbortController();
    const call = supervisor.call({ name: "t", params: {}, meta: {}, signal, timeoutMs: 1_000, onProgress: null });
    fail(old, changed);
    await expect.poll(() => order).toContain("second starts");
    expect(order).toEqual(["first starts", "first ends", "second starts"]);
    expect(await call).toEqual({ kind: "unknown" });
    await supervisor.stop();
  });

  it("is asked less and less often when it says all the time that its tools changed, and at once after a rest", () => {
    const pauses: number[] = [];
    for (let last: number | null = null; pauses.length < 9; last = pauses.at(-1) ?? null)
      pauses.push(relistPause(last, 1_000));
    expect(pauses.map((ms) => ms / 1_000)).toEqual([5, 10, 20, 40, 80, 160, 300, 300, 300]);
    expect(relistPause(300_000, 300_001)).toBe(5_000);
  });

  it.each([
    ["has answered is waited for when it ends, and started again soon each time", "refused", [250, 250, 250, 250]],
    ["has answered nobody is not, and started again later each time", "unknown", [250, 500, 1_000, 2_000]],
  ] as const)("that %s", async (_what, kind, expected) => {
    pauses.length = 0;
    let current = fake();
    const waiting = new Map<ServerState, () => void>();
    const becomes = (state: ServerState) => new Promise<void>((resolve) => waiting.set(state, resolve));
    const supervisor = supervise({
      connect: async () => {
        current = fake();
        return { ...current.connection, call: async () => ({ kind }) };
      },
      onListing: () => {},
      onState: (state) => waiting.get(state)?.(),
      random: () => 0,
    });
    let up = becomes("up");
    const { signal } = new AbortController();
    const call = () => supervisor.call({ name: "t", params: {}, meta: {}, signal, timeoutMs: 1, onProgress: null });
    supervisor.start();
    for (let ends = 0; ends < 4; ends++) {
      await up;
      await call();
      const down = becomes("down");
      up = becomes("up");
      current.end();
      await down;
      expect((await call())?.kind).toBe(kind === "refused" ? "refused" : undefined);
    }
    await supervisor.stop();
    expect(pauses.filter((ms) => ms < 60_000)).toEqual(expected);
  });

  it("that answers others has lost no session, whatever the status of one call says", async () => {
    let starts = 0;
    const supervisor = supervise({
      connect: async () => {
        starts++;
        return { ...fake().connection, call: async () => ({ kind: "lost" }), answers: async () => true };
      },
      onListing: () => {},
      onState: () => {},
      random: () => 0,
    });
    supervisor.start();
    await supervisor.settled();
    const { signal } = new AbortController();
    const call = () => supervisor.call({ name: "t", params: {}, meta: {}, signal, timeoutMs: 1, onProgress: null });
    expect([await call(), await call(), await call()]).toEqual(
      ["refused", "refused", "refused"].map((kind) => ({ kind })),
    );
    expect([starts, supervisor.state]).toEqual([1, "up"]);
    await supervisor.stop();
  });

  it("takes no call while it is down, and says so at once", async () => {
    const supervisor = supervise({
      connect: () => Promise.reject(new Error("does not start")),
      onListing: () => {},
      onState: () => {},
      random: () => 0,
    });
    supervisor.start();
    await supervisor.settled();
    const call = {
      name: "t",
      params: {},
      meta: {},
      signal: new AbortController().signal,
      timeoutMs: 1,
      onProgress: null,
    };
    expect(await supervisor.call(call)).toBeNull();
    await supervisor.stop();
  });

  it("is stopped even while it starts, and its program is not left behind", async () => {
    const starting = Promise.withResolvers<Connection>();
    const { connection } = fake();
    const close = vi.spyOn(connection, "close");
    const supervisor = supervise({
      connect: () => starting.promise,
      onListing: () => {},
      onState: () => {},
      random: () => 0,
    });
    supervisor.start();
    const stopped = supervisor.stop();
    starting.resolve(connection);
    await stopped;
    expect(close).toHaveBeenCalled();
  });
});
