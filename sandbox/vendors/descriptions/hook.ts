/**
 * Under vitest every exchange with Koyeb and Fly.io is held against the vendor's own description, whichever test makes it: what
 * deviates and is not on the list is answered with 500 and its name, so that the test that met it fails. Elsewhere nothing is read.
 */
import { readFileSync } from "node:fs";
import type { VendorName } from "../faults.ts";
import { type Description, deviations, type Exchange } from "./check.ts";
import { isKnownDeviation } from "./known.ts";

const DESCRIBED: ReadonlySet<string> = new Set(["koyeb", "fly"]);
const read = new Map<string, Description>();

function descriptionOf(vendor: string): Description {
  const known = read.get(vendor);
  if (known) return known;
  const text = readFileSync(new URL(`./${vendor}.json`, import.meta.url), "utf8");
  const description = JSON.parse(text) as Description;
  read.set(vendor, description);
  return description;
}

const parse = (text: string): unknown => {
  try {
    return text === "" ? null : (JSON.parse(text) as unknown);
  } catch {
    return null;
  }
};

/** True when exchanges of this vendor are held against its description. */
export const isHeld = (vendor: VendorName): boolean => process.env["VITEST"] !== undefined && DESCRIBED.has(vendor);

/** @returns what of the exchange deviates and should not. */
export async function unexpected(
  vendor: VendorName,
  request: { readonly method: string; readonly url: URL; readonly text: string },
  response: Response,
): Promise<readonly string[]> {
  // What flyctl asks beside the Machines API has no description.
  if (!request.url.pathname.startsWith("/v1/")) return [];
  const exchange: Exchange = {
    method: request.method,
    path: request.url.pathname,
    query: request.url.searchParams,
    request: parse(request.text),
    status: response.status,
    answer: parse(await response.clone().text()),
  };
  return deviations(descriptionOf(vendor), exchange).filter((deviation) => !isKnownDeviation(vendor, deviation));
}
