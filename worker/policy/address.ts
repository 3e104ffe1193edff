/** The unit in which anonymous traffic is counted: one IPv4 address, or one IPv6 /64 (what a single subscriber gets). */

const IPV4 = /^\d{1,3}(\.\d{1,3}){3}$/;
const MAPPED = /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/i;

/** @returns a short text for the limiter; "unknown" when the platform named no address, so that such requests share one count. */
export function addressKey(address: string | null): string {
  if (address === null || address === "") return "unknown";
  const text = address.trim().toLowerCase();
  if (IPV4.test(text)) return text;
  const mapped = MAPPED.exec(text)?.[1];
  if (mapped !== undefined) return mapped;
  const plain = text.replace(/%.*$/, "");
  if (!/^[0-9a-f:.]+$/.test(plain) || !plain.includes(":")) return "unknown";
  const [head = "", tail] = plain.split("::", 2);
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const gap = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length);
  const groups = [...left, ...Array.from({ length: gap }, () => "0"), ...right].slice(0, 4);
  return `${groups.map((group) => group.replace(/^0+(?=.)/, "")).join(":")}::/64`;
}
