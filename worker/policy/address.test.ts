import { describe, expect, it } from "vitest";
import { addressKey } from "./address.ts";

describe("address key", () => {
  it.each([
    ["203.0.113.7", "203.0.113.7"],
    ["::ffff:203.0.113.7", "203.0.113.7"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:0DB8:0001:0002::1", "2001:db8:1:2::/64"],
    ["2001:db8::1", "2001:db8:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
    [" 203.0.113.7 ", "203.0.113.7"],
  ])("counts %s as %s", (address, key) => {
    expect(addressKey(address)).toBe(key);
  });

  it("counts all addresses of one IPv6 /64 together and the next one apart", () => {
    const keys = ["2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2:0:1::"].map(addressKey);
    expect(new Set(keys).size).toBe(1);
    expect(addressKey("2001:db8:1:3::1")).not.toBe(keys[0]);
  });

  it.each([null, "", "not an address", "203.0.113", "1.2.3.4, 5.6.7.8", "x".repeat(500)])(
    "shares one count among requests from %j",
    (address) => {
      expect(addressKey(address)).toBe("unknown");
    },
  );
});
