import { describe, expect, it } from "vitest";
import { createPeers } from "./peer.ts";

const from = (address: string, ...before: string[]) => [...before, "X-Forwarded-For", address];

describe("where a request came from", () => {
  it.each([
    ["an address of Cloudflare", "172.70.1.2", "inside"],
    ["an IPv6 address of Cloudflare, as Workers have it", "2a06:98c0:3600::103", "inside"],
    ["an address that is written as IPv6", "::ffff:104.16.0.1", "inside"],
    ["an address of somebody else", "203.0.113.9", "outside"],
    ["an IPv6 address of somebody else", "2001:db8::1", "outside"],
    ["an address next to a range of Cloudflare", "104.15.255.255", "outside"],
    ["an address inside a platform", "172.16.3.4", null],
    ["this machine", "127.0.0.1", null],
    ["this machine in IPv6", "::1", null],
    ["no address", "unknown", null],
    ["nothing", "", null],
  ])("is told by the nearest proxy: %s", (_, address, peer) => {
    expect(createPeers(false)(from(address))).toBe(peer);
  });

  it("is not told without a header", () => {
    expect(createPeers(false)(["host", "x"])).toBeNull();
  });

  it("is what the nearest proxy appended, whatever the client wrote before", () => {
    const peers = createPeers(false);
    expect(peers(from("172.70.1.2, 203.0.113.9"))).toBe("outside");
    expect(peers(from("203.0.113.9", "x-forwarded-for", "172.70.1.2"))).toBe("outside");
  });

  it("is Fly.io's own header there, and there alone", () => {
    const headers = from("203.0.113.9", "Fly-Client-IP", "172.70.1.2");
    expect(createPeers(true)(headers)).toBe("inside");
    expect(createPeers(false)(headers)).toBe("outside");
  });

  it("is judged by other ranges where the gateway is elsewhere", () => {
    const peers = createPeers(false, ["127.0.0.1/32"]);
    expect(peers(from("127.0.0.1"))).toBe("inside");
    expect(peers(from("172.70.1.2"))).toBe("outside");
  });
});
