/**
 * Where a request came from, as far as the origin's platform attests it: from the gateway's platform, or from elsewhere. It says who
 * cannot be the gateway; it never says who is, because everybody may run a Worker there.
 */
import { BlockList, isIP } from "node:net";

/**
 * Addresses from which Cloudflare sends requests, a Worker's included. Source: https://www.cloudflare.com/ips/, compared on 2026-11-29
 * with two copies of it: MISP/misp-warninglists, lists/cloudflare/list.json of 2026-10-14, and rezmoss/cloud-provider-ip-addresses of
 * 2026-02-11. All 22 are in both, and neither has another one.
 */
export const CLOUDFLARE_RANGES: readonly string[] = [
  "173.245.48.0/20",
  "103.21.244.0/22",
  "103.22.200.0/22",
  "103.31.4.0/22",
  "141.101.64.0/18",
  "108.162.192.0/18",
  "190.93.240.0/20",
  "188.114.96.0/20",
  "197.234.240.0/22",
  "198.41.128.0/17",
  "162.158.0.0/15",
  "104.16.0.0/13",
  "104.24.0.0/14",
  "172.64.0.0/13",
  "131.0.72.0/22",
  "2400:cb00::/32",
  "2606:4700::/32",
  "2803:f800::/32",
  "2405:b500::/32",
  "2405:8100::/32",
  "2a06:98c0::/29",
  "2c0f:f248::/32",
];
/** Addresses inside a platform or a machine: a proxy that shows one of them hides who asked. */
const INTERNAL: readonly string[] = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "::/127",
  "fc00::/7",
  "fe80::/10",
];

/** One range in CIDR notation. */
function isRange(text: string): boolean {
  const [address = "", bits = "", ...more] = text.split("/");
  const family = isIP(address);
  return more.length === 0 && family !== 0 && /^\d{1,3}$/.test(bits) && Number(bits) <= (family === 6 ? 128 : 32);
}

/** What {@link readRanges} takes, for messages. */
export const RANGES_RULE = "must be ranges like 192.0.2.0/24, with commas between";

/** The ranges that a variable names. @returns null for anything but {@link RANGES_RULE}. */
export function readRanges(text: string): readonly string[] | null {
  const ranges = text.split(",");
  return ranges.every(isRange) ? ranges : null;
}

/** `inside` the gateway's platform, `outside` of it, or null where the platform does not say. */
export type Peer = "inside" | "outside" | null;

function listOf(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = "", bits = ""] = range.split("/");
    list.addSubnet(address, Number(bits), isIP(address) === 6 ? "ipv6" : "ipv4");
  }
  return list;
}

/** The last value of the last header of that name: what the proxy nearest to the origin wrote; a client can write only before it. */
function attested(rawHeaders: readonly string[], name: string): string | null {
  let last: string | null = null;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2)
    if (rawHeaders[i]?.toLowerCase() === name) last = rawHeaders[i + 1]?.split(",").at(-1)?.trim() ?? null;
  return last;
}

/**
 * Judges peers. Fly.io's proxy overwrites `Fly-Client-IP` (fly.io/docs/networking/request-headers); elsewhere the nearest proxy has appended to
 * `X-Forwarded-For`. @param ranges of the gateway's platform; the default is Cloudflare's.
 */
export function createPeers(onFly: boolean, ranges: readonly string[] = CLOUDFLARE_RANGES) {
  const platform = listOf(ranges);
  const internal = listOf(INTERNAL);
  return (rawHeaders: readonly string[]): Peer => {
    const own = onFly ? attested(rawHeaders, "fly-client-ip") : null;
    const address = (own ?? attested(rawHeaders, "x-forwarded-for") ?? "").replace(/^::ffff:/i, "");
    const family = isIP(address);
    if (family === 0) return null;
    const kind = family === 6 ? "ipv6" : "ipv4";
    if (platform.check(address, kind)) return "inside";
    return internal.check(address, kind) ? null : "outside";
  };
}
