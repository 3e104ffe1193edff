import { describe, expect, it } from "vitest";
import { FakeKv, START } from "../test/clock.ts";
import { fails, HOUR, isolate, ISSUER_URL, MINUTE, publishes, SECOND } from "../test/key-isolate.ts";
import { copyKey, GENERATION_KEY } from "./source.ts";

describe("copy in KV", () => {
  it("spares a second isolate the network", async () => {
    const kv = new FakeKv();
    const first = isolate(publishes("one"), kv);
    await first.ask("one");
    await first.settle();
    const second = isolate(fails, kv);
    second.runtime.at(MINUTE);
    expect(await second.ask("one")).toBe("one");
    expect(second.runtime.fetched).toEqual([]);
  });

  it("does not make keys younger: its own age counts", async () => {
    const kv = new FakeKv();
    const first = isolate(publishes("one"), kv);
    await first.ask("one");
    await first.settle();
    const second = isolate(fails, kv);
    second.runtime.at(23 * HOUR);
    expect(await second.ask("one")).toBe("one");
    expect(second.runtime.fetched).toHaveLength(1);
    second.runtime.at(24 * HOUR);
    expect(await second.ask("one")).toBe("auth.jwks");
  });

  it.each([
    "",
    "null",
    "{}",
    '{"fetchedAt":1,"generation":"","keys":{"keys":[{"kty":"oct","kid":"one"}]}}',
    '{"fetchedAt":"now","generation":""}',
  ])("is ignored when it is odd: %j", async (text) => {
    const kv = new FakeKv();
    kv.entries.set(await copyKey(ISSUER_URL), text);
    const self = isolate(publishes("one"), kv);
    expect(await self.ask("one")).toBe("one");
    expect(self.runtime.fetched).toHaveLength(1);
  });

  it("is not needed: keys come from the network while KV is down", async () => {
    const kv = new FakeKv();
    kv.broken = true;
    const self = isolate(publishes("one"), kv);
    expect(await self.ask("one")).toBe("one");
    await self.settle();
    self.runtime.at(HOUR);
    expect(await self.ask("one")).toBe("one");
  });

  it("is not written again and again for a flood of unknown key ids", async () => {
    const kv = new FakeKv();
    const self = isolate(publishes("one"), kv);
    await self.ask("one");
    for (let ms = 0; ms < 9 * MINUTE; ms += SECOND) {
      self.runtime.at(ms);
      await self.ask(`unknown-${ms}`);
      await self.settle();
    }
    expect(kv.writes).toHaveLength(1);
    // One look for a purge per 30 s, one at the copy per 30 s.
    expect(kv.reads.length).toBeLessThanOrEqual(2 * 18 + 4);
  });
});

describe("purge", () => {
  const purge = (kv: FakeKv, generation: string): void =>
    void kv.entries.set(GENERATION_KEY, JSON.stringify({ generation, at: "2026-11-22T00:00:00Z" }));

  it.each([2, 100])("leaves the keys to a cold herd of %i, with one fetch", async (herd) => {
    const kv = new FakeKv();
    purge(kv, "g-1");
    const self = isolate(publishes("one"), kv);
    expect(await Promise.all(Array.from({ length: herd }, () => self.ask("one")))).toEqual(
      Array.from({ length: herd }, () => "one"),
    );
    expect(self.runtime.fetched).toHaveLength(1);
    await self.settle();
    expect(kv.entries.get(await copyKey(ISSUER_URL))).toContain("g-1");
    // The next cold isolate finds the copy.
    const next = isolate(fails, kv);
    expect(await Promise.all([next.ask("one"), next.ask("one")])).toEqual(["one", "one"]);
    expect(next.runtime.fetched).toEqual([]);
  });

  it("never overwrites a copy of a generation that it does not know", async () => {
    const kv = new FakeKv();
    purge(kv, "g-1");
    const first = isolate(publishes("one"), kv);
    await first.ask("one");
    await first.settle();
    const before = kv.entries.get(await copyKey(ISSUER_URL));
    kv.hangs.add(GENERATION_KEY);
    const blind = isolate(publishes("one"), kv);
    expect(await blind.ask("one")).toBe("one");
    expect(kv.entries.get(await copyKey(ISSUER_URL))).toBe(before);
    // One request waited for KV; the next ones are served at once.
    expect(blind.current("one")).toBe("one");
  });

  it("drops the keys everywhere within a minute and does not take them back from KV", async () => {
    const kv = new FakeKv();
    const self = isolate(publishes("one"), kv);
    await self.ask("one");
    await self.settle();
    purge(kv, "g-1");
    self.issuer = publishes("two");
    self.runtime.at(59 * SECOND);
    expect(self.current("one")).toBe("one");
    await self.settle();
    self.runtime.at(60 * SECOND);
    expect(self.current("one")).toBeNull();
    expect(await self.ask("one")).toBe("auth.kid");
    expect(await self.ask("two")).toBe("two");
  });

  it("is not undone by keys that were on their way when it was seen", async () => {
    const kv = new FakeKv();
    const issued = Promise.withResolvers<Response>();
    const self = isolate(publishes("one"), kv);
    await self.ask("one");
    await self.settle();
    // Ten minutes on the keys are fetched anew, and the issuer takes its time with the old ones.
    self.issuer = () => issued.promise;
    self.runtime.at(11 * MINUTE);
    await self.ask("one");
    purge(kv, "g-1");
    self.runtime.at(12 * MINUTE);
    expect(self.current("one")).toBeNull();
    const asked = self.ask("one");
    await Promise.resolve();
    issued.resolve(await publishes("one")());
    await self.settle();
    await asked;
    // What came belongs to the generation before: somebody who has the key of "one" must ask again.
    expect(self.current("one")).toBeNull();
  });

  it("is seen by the first request after a quiet hour", async () => {
    const kv = new FakeKv();
    const self = isolate(publishes("one"), kv);
    await self.ask("one");
    await self.settle();
    purge(kv, "g-1");
    self.issuer = fails;
    self.runtime.at(5 * MINUTE);
    expect(self.current("one")).toBeNull();
    expect(await self.ask("one")).toBe("auth.jwks");
  });

  it("leaves a copy of the new generation for others", async () => {
    const kv = new FakeKv();
    purge(kv, "g-1");
    const first = isolate(publishes("two"), kv);
    await first.ask("two");
    await first.settle();
    expect(JSON.parse(kv.entries.get(await copyKey(ISSUER_URL)) ?? "{}")).toMatchObject({
      generation: "g-1",
      fetchedAt: START,
    });
    const second = isolate(fails, kv);
    expect(await second.ask("two")).toBe("two");
  });
});
