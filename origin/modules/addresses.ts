/** Which IP addresses are public. Everything that is private, local, reserved, documentation, multicast or a tunnel is not. */
import { BlockList, isIPv4, isIPv6 } from "node:net";

// IANA special-purpose registries (RFC 6890 and successors), https://www.iana.org/assignments/iana-ipv4-special-registry
const NOT_PUBLIC_V4 = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.31.196.0/24",
  "192.52.193.0/24",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "192.175.48.0/24",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/4",
  "240.0.0.0/4",
] as const;
// Global unicast is 2000::/3; inside it, what is not a plain destination. Mapped and translated IPv4 lie outside and stay refused.
const NOT_PUBLIC_V6 = ["2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"] as const;

const v4 = new BlockList();
for (const range of NOT_PUBLIC_V4) {
  const [network = "", prefix = ""] = range.split("/");
  v4.addSubnet(network, Number(prefix), "ipv4");
}
const globalV6 = new BlockList();
globalV6.addSubnet("2000::", 3, "ipv6");
const v6 = new BlockList();
for (const range of NOT_PUBLIC_V6) {
  const [network = "", prefix = ""] = range.split("/");
  v6.addSubnet(network, Number(prefix), "ipv6");
}

/** True for an address that anybody on the Internet could reach. Text that is no address is not public. */
export function isPublicAddress(address: string): boolean {
  if (isIPv4(address)) return !v4.check(address, "ipv4");
  if (isIPv6(address)) return globalV6.check(address, "ipv6") && !v6.check(address, "ipv6");
  return false;
}
