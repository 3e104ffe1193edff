/** What the tests of the Koyeb and Fly.io emulators share: a context with fast timings, a caller, and a way to wait. */
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Faults } from "../vendors/faults.ts";
import type { VendorContext } from "../vendors/vendor.ts";

/** The program that stands where the origin stands. */
export const FAKE_ORIGIN = fileURLToPath(new URL("./fake-origin.ts", import.meta.url));
/** Tokens that the emulators accept in tests. */
export const TOKENS = { github: "gh", cloudflare: "cf", koyeb: "koyeb-token", fly: "fly-token" } as const;

// oxlint-disable-next-line typescript/no-explicit-any -- tests look at answers of a wire protocol field by field
export type Json = Record<string, any>;

/** @param lines receives what the operator would read. @param light true: instances without a process, which only show their slots. */
export const fastContext = ({
  lines = [],
  light = false,
}: { lines?: string[]; light?: boolean } = {}): VendorContext => ({
  faults: new Faults(),
  timings: { koyebStepMs: 10, koyebDrainMs: 120, flyBootMs: 20, edgeLagMs: 0, githubLagMs: 0, listLagMs: 0 },
  light,
  byHand: "by-hand",
  port: () => 0,
  log: (line) => lines.push(line),
  tokens: TOKENS,
});

/** One call to a vendor; an empty answer is `{}`. */
export type Call = (
  method: string,
  path: string,
  body?: unknown,
  headers?: Readonly<Record<string, string>>,
) => Promise<{ status: number; json: Json }>;

export const caller =
  (url: () => string, token: string): Call =>
  async (method, path, body, headers = {}) => {
    const response = await fetch(url() + path, {
      method,
      headers: { authorization: `Bearer ${token}`, ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, json: text === "" ? {} : (JSON.parse(text) as Json) };
  };

/** As long as a test may take on a machine that others keep busy. Unit: milliseconds. */
const PATIENCE_MS = 150_000;

/** Looks until there is something to see. @throws when nothing ever comes. */
export async function until<T>(look: () => Promise<T>): Promise<NonNullable<T>> {
  for (const end = performance.now() + PATIENCE_MS; performance.now() < end;) {
    const seen = await look();
    if (seen !== false && seen !== null && seen !== undefined) return seen;
    await sleep(10);
  }
  throw new Error("waited in vain");
}

/** What the fake origin says about itself. */
export async function ask(url: string, headers: Readonly<Record<string, string>> = {}): Promise<Json> {
  const response = await fetch(url, { headers });
  const text = await response.text();
  return response.ok ? { status: response.status, ...(JSON.parse(text) as Json) } : { status: response.status, text };
}
