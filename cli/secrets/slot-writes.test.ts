import { describe, expect, it } from "vitest";
import type { SlotValues } from "../targets/types.ts";
import { SlotWrites } from "./slot-writes.ts";

const free = (): Promise<void> => Promise.resolve();

/** Origins of one store, whose writes last until they are released. */
function shared(fails = false) {
  const written: SlotValues[] = [];
  const gate = Promise.withResolvers<void>();
  const write = async (values: SlotValues): Promise<void> => {
    written.push(values);
    await gate.promise;
    if (fails) throw new Error("refused");
  };
  return { written, gate, origin: (store = "koyeb/production") => ({ store, write }) };
}

describe("slots that several origins share", () => {
  it("are written once by those who write the same at the same time, and all wait for it", async () => {
    const { written, gate, origin } = shared();
    const writes = new SlotWrites();
    let done = 0;
    const all = [1, 2, 3].map(() => writes.write(origin(), { a: "one" }, free).then(() => done++));
    await Promise.resolve();
    expect([written, done]).toEqual([[{ a: "one" }], 0]);
    gate.resolve();
    await Promise.all(all);
    expect([written.length, done]).toEqual([1, 3]);
  });

  it("are written one after the other where the values differ, and again later", async () => {
    const { written, gate, origin } = shared();
    gate.resolve();
    const writes = new SlotWrites();
    await Promise.all([writes.write(origin(), { a: "one" }, free), writes.write(origin(), { a: "two" }, free)]);
    await writes.write(origin(), { a: "two" }, free);
    expect(written).toEqual([{ a: "one" }, { a: "two" }, { a: "two" }]);
  });

  it("are written at each store", async () => {
    const { written, gate, origin } = shared();
    gate.resolve();
    const writes = new SlotWrites();
    await Promise.all(["fly/a", "fly/b"].map((store) => writes.write(origin(store), { a: "one" }, free)));
    expect(written).toHaveLength(2);
  });

  it("fail for all who wait", async () => {
    const { gate, origin } = shared(true);
    const writes = new SlotWrites();
    const ends = Promise.allSettled([1, 2].map(() => writes.write(origin(), { a: "one" }, free)));
    gate.resolve();
    expect((await ends).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  });
});
