import { describe, expect, it } from "vitest";
import {
  bounded,
  codeOf,
  createLinePace,
  isNotConnected,
  isNotTaken,
  isSessionId,
  resumePause,
} from "./http-bounds.ts";

describe("an answer over HTTP", () => {
  it.each([
    [0, 1_000],
    [-1, 1_000],
    [1_500, 1_500],
    [1e15, 30_000],
    [Number.POSITIVE_INFINITY, 30_000],
    [Number.NaN, 30_000],
  ])("that asks to be resumed after %d ms is resumed after %d", (asked, pause) => {
    expect(resumePause(asked)).toBe(pause);
  });

  it.each([
    ["0f2c-4e", true],
    ["", false],
    ["a b", false],
    ["a\tb", false],
    ["é", false],
    ["x".repeat(4096), true],
    ["x".repeat(4097), false],
  ])("names a session or does not: %j", (id, is) => {
    expect(isSessionId(id)).toBe(is);
  });

  it.each([
    [401, true],
    [404, true],
    [429, true],
    // Somebody in between may say these after the server was reached.
    [307, false],
    [408, false],
    [499, false],
    [500, false],
    [503, false],
  ])("with HTTP %d says that nothing was run: %s", (status, is) => {
    expect(isNotTaken(status)).toBe(is);
  });

  it.each([
    ["ECONNREFUSED", true],
    ["ENOTFOUND", true],
    ["DEPTH_ZERO_SELF_SIGNED_CERT", true],
    ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", true],
    ["ECONNRESET", false],
    ["UND_ERR_SOCKET", false],
    ["UND_ERR_HEADERS_TIMEOUT", false],
  ])("that failed with %s was never asked for: %s", (code, is) => {
    const cause = new TypeError("fetch failed", { cause: Object.assign(new Error("x"), { code }) });
    expect(codeOf(cause)).toBe(code);
    expect(isNotConnected(cause)).toBe(is);
  });

  it.each([
    ["connect", true],
    ["getaddrinfo", true],
    ["read", false],
    ["write", false],
  ])("that no host could be reached for, in a system call to %s, was never asked for: %s", (syscall, is) => {
    const inner = Object.assign(new Error("x"), { code: "EHOSTUNREACH", syscall });
    expect(isNotConnected(new TypeError("fetch failed", { cause: inner }))).toBe(is);
    expect(isNotConnected(inner)).toBe(is);
  });

  it("has no code in words of a server", () => {
    expect(codeOf(Object.assign(new Error("x"), { code: "log\nme" }))).toBe("");
  });

  it("is read at one pace with the others of its server: 800 lines at once, then 4 in a millisecond", () => {
    let now = 1_000;
    const pace = createLinePace(() => now);
    expect([pace(800), pace(4), pace(400)]).toEqual([0, 1, 101]);
    now += 101;
    expect(pace(4)).toBe(1);
    now += 10_000;
    expect(pace(800)).toBe(0);
  });

  it("is taken whole up to 2 MiB, and ended after that", async () => {
    let told = 0;
    const of = (bytes: number): Promise<ArrayBuffer> => {
      const { body } = new Response(new Uint8Array(bytes));
      return body
        ? new Response(bounded(body, () => told++, null)).arrayBuffer()
        : Promise.reject(new Error("no body"));
    };
    expect((await of(2_097_152)).byteLength).toBe(2_097_152);
    expect(told).toBe(0);
    await expect(of(2_097_153)).rejects.toThrow("too large");
    expect(told).toBe(1);
  });
});
