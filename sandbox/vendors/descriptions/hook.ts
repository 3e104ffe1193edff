/**
 * In the project's own tests every exchange with these vendors is held against the vendor's own description, whichever test makes it:
 * what deviates and is not on the list is answered with 500 and its name, so that the test that met it fails. Elsewhere nothing is read.
 */
import { readFileSync } from "node:fs";
import type { VendorName } from "../faults.ts";
import { type Description, deviations, type Exchange } from "./check.ts";
import { isKnownDeviation, isOthersRequest } from "./known.ts";

const fromJson = (file: string) => (): Promise<Description> =>
  Promise.resolve(JSON.parse(readFileSync(new URL(file, import.meta.url), "utf8")) as Description);
/** Not by its name: the package has no excerpts. */
const fromModule = (file: string, name: string) => async (): Promise<Description> => {
  const module = (await import(new URL(file, import.meta.url).href)) as Readonly<Record<string, Description>>;
  return module[name] as Description;
};

interface Held {
  readonly read: () => Promise<Description>;
  /** The path as the description has it; null for what the description does not cover. */
  readonly path: (pathname: string) => string | null;
}
/** What flyctl asks beside the Machines API has no description. */
const belowV1 = (path: string) => (path.startsWith("/v1/") ? path : null);
const HELD: Partial<Readonly<Record<VendorName, Held>>> = {
  koyeb: { read: fromJson("./koyeb.json"), path: belowV1 },
  fly: { read: fromJson("./fly.json"), path: belowV1 },
  github: {
    read: fromModule("./github/operations.ts", "GITHUB"),
    // As github.ts does: Enterprise Server's prefix, and the old form by id. GraphQL and sign-in are no part of the REST API.
    path: (pathname) =>
      /^\/(api\/)?(graphql|login\/)/.test(pathname)
        ? null
        : pathname.replace(/^\/api\/v3(?=\/|$)/, "").replace(/^\/repositories\/\d+(?=\/|$)/, "/repos/{owner}/{repo}") ||
          "/",
  },
  cloudflare: { read: fromModule("./cloudflare/operations.ts", "CLOUDFLARE"), path: (pathname) => pathname },
};
/** Each is read once, also when two calls are the first. */
const read = new Map<string, Promise<Description>>();

const parse = (text: string): unknown => {
  try {
    return text === "" ? null : (JSON.parse(text) as unknown);
  } catch {
    return null;
  }
};

const isJson = (response: Response): boolean => response.headers.get("content-type")?.includes("json") === true;

/** True when exchanges of this vendor are held against its description: in a checkout, under vitest. */
const isHeld = (vendor: VendorName): boolean =>
  process.env["VITEST"] !== undefined && import.meta.url.endsWith(".ts") && HELD[vendor] !== undefined;

/** @returns what of the exchange deviates and should not. */
async function unexpected(vendor: VendorName, request: Request, text: string, response: Response) {
  const covered = HELD[vendor];
  const url = new URL(request.url);
  const path = covered?.path(url.pathname) ?? null;
  if (!covered || path === null) return [];
  const reading = read.get(vendor) ?? covered.read();
  read.set(vendor, reading);
  const description = await reading;
  const exchange: Exchange = {
    method: request.method,
    path,
    query: url.searchParams,
    request: parse(text),
    status: response.status,
    // A value of somebody's own may be JSON as well, and is nobody's answer.
    answer: isJson(response) ? parse(await response.clone().text()) : null,
  };
  const agent = request.headers.get("user-agent");
  return deviations(description, exchange).filter(
    (deviation) => !isOthersRequest(agent, deviation) && !isKnownDeviation(vendor, deviation),
  );
}

/** What is done about an exchange that deviates, and when there is nothing to hold. */
export interface Holding {
  /** False for a call that is not imitated at all. */
  readonly isImitated: () => boolean;
  readonly deviates: (message: string) => Response;
}

/** Lets `answer` answer, and replaces what deviates from the vendor's description where exchanges are held against it. */
export async function held(
  vendor: VendorName,
  request: Request,
  answer: () => Response | Promise<Response>,
  { isImitated, deviates }: Holding,
): Promise<Response> {
  if (!isHeld(vendor)) return answer();
  const text = await request.clone().text();
  const response = await answer();
  const found = isImitated() ? await unexpected(vendor, request, text, response) : [];
  return found.length === 0 ? response : deviates(`deviates from the vendor's description: ${found.join("; ")}`);
}
