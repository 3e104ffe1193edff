import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { EventLog, ipHash, type GatewayEvent } from "./event-log.ts";
import { testRuntime } from "./test/clock.ts";

const SECRET = Uint8Array.from({ length: 32 }, (_, i) => 255 - i);
const refused: GatewayEvent = { event: "auth_failed", severity: "warn", requestId: "r-1", reason: "auth.sig" };
const failed: GatewayEvent = {
  event: "origin_failed",
  severity: "error",
  requestId: "r-1",
  origin: "koyeb",
  reason: "network",
};

function bench(secret: Uint8Array<ArrayBuffer> | null = SECRET) {
  const runtime = testRuntime(() => new Response());
  return {
    runtime,
    log: new EventLog(runtime, secret),
    lines: () => runtime.lines.map((line) => JSON.parse(line) as Record<string, unknown>),
  };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe("security log", () => {
  it("writes one line of the shared schema, with a hash in place of the address", async () => {
    const { log, lines } = bench();
    await log.write(refused, "203.0.113.7");
    const at = "2026-11-18T11:06:40.000Z";
    expect(lines()).toEqual([
      { at, layer: "gateway", ...refused, ipHash: await ipHash(SECRET, "2026-11-18", "203.0.113.7") },
    ]);
  });

  it("misses the hash of no line but the one whose key could not be derived", async () => {
    const { log, lines } = bench();
    vi.spyOn(crypto.subtle, "importKey").mockRejectedValueOnce(new Error("no memory"));
    await log.write(failed, "203.0.113.7");
    await log.write(failed, "203.0.113.7");
    expect(lines().map(({ ipHash: hash }) => hash)).toEqual([
      undefined,
      await ipHash(SECRET, "2026-11-18", "203.0.113.7"),
    ]);
  });

  it("is not held up by a request that went away while it derived the key", async () => {
    const { log, lines } = bench();
    vi.spyOn(crypto.subtle, "importKey").mockReturnValueOnce(new Promise(() => undefined));
    void log.write(failed, "203.0.113.7");
    await log.write(failed, "203.0.113.7");
    expect(lines()).toHaveLength(1);
  });

  it("collapses equal warnings within ten seconds and says how many there were", async () => {
    const { log, lines, runtime } = bench();
    await log.write(refused, "203.0.113.7");
    for (let i = 1; i < 500; i++) void log.write({ ...refused, requestId: `r-${i}` }, "203.0.113.7");
    await vi.advanceTimersByTimeAsync(9_999);
    expect(lines()).toHaveLength(1);
    runtime.at(10_000);
    await log.write(refused, "203.0.113.7");
    await vi.advanceTimersByTimeAsync(1);
    expect(lines().slice(1)).toMatchObject([{ count: 500 }]);
  });

  it("tells the count after ten seconds although nothing more comes", async () => {
    const { log, lines, runtime } = bench();
    // Hashes are computed beside the clock of this test: the first line is out before it is moved.
    await log.write(refused, "203.0.113.7");
    const writing = Promise.all([log.write(refused, "203.0.113.7"), log.write(refused, "203.0.113.7")]);
    runtime.at(10_000);
    await vi.advanceTimersByTimeAsync(10_000);
    await writing;
    expect(lines()).toHaveLength(2);
    expect(lines()[1]).toMatchObject({ ...refused, count: 2 });
    await log.write(refused, "203.0.113.7");
    expect(lines()[2]).not.toHaveProperty("count");
  });

  it("keeps addresses, reasons and users apart", async () => {
    const { log, lines } = bench();
    await log.write(refused, "203.0.113.7");
    await log.write(refused, "203.0.113.8");
    await log.write({ ...refused, reason: "auth.aud" }, "203.0.113.7");
    await log.write({ ...refused, userId: "u" }, "203.0.113.7");
    expect(lines()).toHaveLength(4);
  });

  it("is not flooded from many addresses: what is beyond a hundred is counted by what it was", async () => {
    const { log, lines, runtime } = bench();
    const spoof = (i: number): GatewayEvent => ({ ...refused, event: "header_spoof", reason: `xmcpist${i}` });
    const writing = Array.from({ length: 3000 }, (_, i) =>
      Promise.all([log.write(refused, `2001:db8:0:${i.toString(16)}::/64`), log.write(spoof(i), `${i}::/64`)]),
    );
    await vi.advanceTimersByTimeAsync(0);
    // Whoever has a name is not lost among them.
    await log.write({ ...refused, userId: "u" }, "2001:db8:0:ffff::/64");
    runtime.at(10_000);
    await vi.advanceTimersByTimeAsync(10_000);
    await Promise.all(writing);
    const all = lines();
    expect(all.length).toBe(100 + 2 + 2 + 1);
    expect(all.filter(({ reason }) => reason === "from many addresses").map(({ event }) => event)).toEqual(
      expect.arrayContaining(["auth_failed", "header_spoof"]),
    );
    expect(all.reduce((sum, { count = 1 }) => sum + Number(count), 0)).toBe(6001);
    expect(all.some(({ userId }) => userId === "u")).toBe(true);
    await log.write(refused, "203.0.113.7");
    expect(lines().at(-1)).toHaveProperty("ipHash");
  });

  it("writes every error of a request, but repeats no trouble that concerns none", async () => {
    const { log, lines } = bench();
    for (let i = 0; i < 5; i++) await log.write({ ...failed, requestId: `r-${i}` }, null);
    for (let i = 0; i < 5; i++)
      void log.write({ event: "jwks_unavailable", severity: "error", requestId: null, reason: "stale" }, null);
    await vi.advanceTimersByTimeAsync(0);
    expect(lines()).toHaveLength(6);
  });

  it("derives the key of a day once, whatever is written on it", async () => {
    const { log, lines, runtime } = bench();
    const derive = vi.spyOn(crypto.subtle, "deriveKey");
    for (let i = 0; i < 50; i++) await log.write({ ...failed, requestId: `r-${i}` }, `203.0.113.${i}`);
    runtime.at(86_400_000);
    for (let i = 0; i < 50; i++) await log.write({ ...failed, requestId: `r-${i}` }, `203.0.113.${i}`);
    expect([lines().length, derive.mock.calls.length]).toEqual([100, 2]);
    derive.mockRestore();
  });

  it.each([
    ["key-1_a.b", "key-1_a.b"],
    ["k\u202E\u009B", "sha256:881c7394ae73fe93"],
    ["", "sha256:e3b0c44298fc1c14"],
  ])("writes a key id of a stranger only where it is harmless: %j", async (kid, written) => {
    const { log, lines } = bench();
    await log.write({ ...refused, kid }, null);
    expect(lines()[0]?.["kid"]).toBe(written);
  });

  it("names no address at all without a secret to hash it with", async () => {
    const { log, lines } = bench(null);
    await log.write(refused, "203.0.113.7");
    expect(lines()[0]).not.toHaveProperty("ipHash");
  });
});

describe("hash of an address", () => {
  it("is the same all day, another one tomorrow, and another one under another secret", async () => {
    const hash = await ipHash(SECRET, "2026-11-22", "203.0.113.7");
    expect(hash).toMatch(/^[0-9a-f]{16}$/);
    expect(await ipHash(SECRET, "2026-11-22", "203.0.113.7")).toBe(hash);
    expect(await ipHash(SECRET, "2026-11-23", "203.0.113.7")).not.toBe(hash);
    expect(await ipHash(SECRET.toReversed(), "2026-11-22", "203.0.113.7")).not.toBe(hash);
    expect(await ipHash(SECRET, "2026-11-22", "203.0.113.8")).not.toBe(hash);
  });
});
