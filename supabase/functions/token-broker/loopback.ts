/**
 * The one answer to "is this host this machine?". Plain HTTP and database connections without TLS are allowed only there. The text is the
 * same in contract/ and in supabase/functions/token-broker, which share no code.
 */

/** `127.evil.example` is a name that anybody can register, so the four numbers are matched whole. */
const OCTET = String.raw`(?:25[0-5]|2[0-4]\d|1?\d?\d)`;
const LOOPBACK = new RegExp(String.raw`^(?:localhost|127(?:\.${OCTET}){3}|\[::1\])$`, "i");

/** `hostname` as {@link URL} has it: IPv6 in brackets, no port. */
export const isLoopbackHost = (hostname: string): boolean => LOOPBACK.test(hostname);

/** True for a URL of any scheme whose host is this machine. Credentials in it are not looked at. */
export const isLoopbackUrl = (text: unknown): text is string =>
  typeof text === "string" && URL.canParse(text) && isLoopbackHost(new URL(text).hostname);
