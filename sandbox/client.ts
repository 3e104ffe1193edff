/** Calls to the sandbox's own vendors, with the sandbox's own tokens. For provisioning and scenarios; never for the real platforms. */
import type { SandboxUrls } from "../contract/sandbox.ts";
import type { VendorContext } from "./vendors/vendor.ts";

/** Longest wait for one answer. Unit: milliseconds. */
const TIMEOUT_MS = 60_000;
/** An answer's own words that reach an error. Unit: characters. */
const QUOTED = 200;

export type Json = Readonly<Record<string, unknown>>;
export type Vendor = keyof VendorContext["tokens"];

/** A vendor refused; the message names the call and the vendor's own sentence, never a value that was sent. */
class VendorCallError extends Error {
  override readonly name = "VendorCallError";
}

/** Calls a vendor. @returns the parsed body ({} for none); null for a status in `tolerate`. @throws {VendorCallError} otherwise. */
export type VendorCall = (
  vendor: Vendor,
  method: string,
  path: string,
  body?: Json | readonly Json[] | FormData,
  tolerate?: readonly number[],
) => Promise<Json | null>;

/** A client for the vendors of one sandbox. */
export function vendorClient(urls: Pick<SandboxUrls, Vendor>, tokens: VendorContext["tokens"]): VendorCall {
  return async (vendor, method, path, body, tolerate = []) => {
    const isForm = body instanceof FormData;
    const response = await fetch(urls[vendor] + path, {
      method,
      headers: {
        authorization: `Bearer ${tokens[vendor]}`,
        "user-agent": "mcpist-sandbox",
        ...(body === undefined || isForm ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: isForm ? body : JSON.stringify(body) }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const text = await response.text();
    if (tolerate.includes(response.status)) return null;
    if (!response.ok)
      throw new VendorCallError(`${vendor}: ${method} ${path} answered ${response.status}: ${text.slice(0, QUOTED)}`);
    return text.startsWith("{")
      ? (JSON.parse(text) as Json)
      : text.startsWith("[")
        ? { items: JSON.parse(text) as unknown }
        : {};
  };
}

/** The object at `path` of an answer. @throws {VendorCallError} when it is not there. */
export function objectAt(answer: Json | null, ...path: readonly string[]): Json {
  let value: unknown = answer;
  for (const key of path) value = (value as Json | null | undefined)?.[key];
  if (typeof value !== "object" || value === null) throw new VendorCallError(`an answer has no "${path.join(".")}"`);
  return value as Json;
}

/** The list at `key` of an answer; a bare list is at `items`. */
export const listAt = (answer: Json | null, key: string): readonly Json[] => (answer?.[key] ?? []) as readonly Json[];
