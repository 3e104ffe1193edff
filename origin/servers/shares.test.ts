import { describe, expect, it } from "vitest";
import { createShares, type Release } from "./shares.ts";

const never = new AbortController().signal;
const limits = { places: 2, perUser: 1, queuePerUser: 2, queue: 3 };
const settled = async (promise: Promise<Release | null>): Promise<Release | null | "waits"> =>
  Promise.race([promise, new Promise<"waits">((resolve) => setImmediate(() => resolve("waits")))]);

describe("places at a server", () => {
  it("are given at once while there are some, but only a share to one user", async () => {
    const shares = createShares(limits);
    expect(await settled(shares.take("anna", never))).toBeTypeOf("function");
    expect(await settled(shares.take("anna", never))).toBe("waits");
    expect(await settled(shares.take("ben", never))).toBeTypeOf("function");
    expect(shares.taken).toBe(2);
  });

  it("go round from user to user, however long one of the lines is", async () => {
    const shares = createShares({ ...limits, places: 1 });
    const first = await shares.take("anna", never);
    const order: string[] = [];
    const wait = async (user: string): Promise<void> => {
      const release = await shares.take(user, never);
      order.push(user);
      release?.();
    };
    const all = [wait("anna"), wait("anna"), wait("ben")];
    first?.();
    await Promise.all(all);
    expect(order).toEqual(["anna", "ben", "anna"]);
    expect(shares.taken).toBe(0);
  });

  it("are refused at once when a line is full", async () => {
    const shares = createShares(limits);
    const held = [await shares.take("anna", never), await shares.take("ben", never)];
    const waiting = [shares.take("anna", never), shares.take("anna", never)];
    expect(await shares.take("anna", never)).toBeNull();
    expect(await settled(shares.take("ben", never))).toBe("waits");
    expect(await shares.take("cleo", never)).toBeNull();
    for (const release of held) release?.();
    for (const release of await Promise.all(waiting.slice(0, 1))) release?.();
    expect(await settled(waiting[1] as Promise<Release | null>)).toBeTypeOf("function");
  });

  it("end with their deadline, although nobody gave them back", async () => {
    const shares = createShares({ ...limits, places: 1 });
    const gone = new AbortController();
    await shares.take("anna", gone.signal);
    const next = shares.take("ben", never);
    gone.abort();
    expect(await settled(next)).toBeTypeOf("function");
    expect(shares.taken).toBe(1);
  });

  it("are not kept for somebody who left the line", async () => {
    const shares = createShares({ ...limits, places: 1 });
    const first = await shares.take("anna", never);
    const gone = new AbortController();
    const left = shares.take("ben", gone.signal);
    const next = shares.take("cleo", never);
    gone.abort();
    expect(await left).toBeNull();
    first?.();
    first?.();
    expect(await settled(next)).toBeTypeOf("function");
    expect(shares.taken).toBe(1);
  });

  it("are not given to a call that is over already", async () => {
    expect(await createShares(limits).take("anna", AbortSignal.abort())).toBeNull();
  });
});
