/** The one grammar of an address that this project sends anything to. */
import { isLoopbackHost } from "./loopback.ts";

/** True for https, and for http on a loopback host; false when the URL carries credentials or a fragment. */
export function isSafeUrl(text: unknown): text is string {
  // URL parsers forgive blanks, backslashes, missing and superfluous slashes; nobody else who compares the text does.
  if (typeof text !== "string" || !/^https?:\/\/[^\s\\/][^\s\\]*$/i.test(text) || !URL.canParse(text)) return false;
  const url = new URL(text);
  if (url.username !== "" || url.password !== "" || url.hash !== "") return false;
  return url.protocol === "https:" || (url.protocol === "http:" && isLoopbackHost(url.hostname));
}
