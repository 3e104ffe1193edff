/** A key resolver as one isolate has it, with an issuer that the test plays. */
import type { Denial } from "../../contract/denial.ts";
import { KeyResolver } from "../jwks/resolver.ts";
import { collectWaitUntil, testRuntime, type FakeKv, type TestRuntime } from "./clock.ts";
import { makeKey, type IssuerKey } from "./tokens.ts";

export const ISSUER_URL = "https://issuer.test/jwks";
export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const keys: Readonly<Record<"one" | "two", IssuerKey>> = {
  one: await makeKey("one"),
  two: await makeKey("two"),
};

export type Issuer = () => Response | Promise<Response>;
/** Key sets, by the names of their keys. */
export const publishes =
  (...list: readonly ("one" | "two")[]): Issuer =>
  () =>
    Response.json({ keys: list.map((name) => keys[name].publicJwk) });
export const fails: Issuer = () => new Response("no", { status: 500 });
export const hangs: Issuer = () => new Promise<Response>(() => undefined);

export interface Isolate {
  readonly runtime: TestRuntime;
  readonly reports: string[];
  issuer: Issuer;
  /** "one", "auth.kid", "auth.jwks", ... */
  readonly ask: (kid: string) => Promise<string>;
  /** The refusal in full; null = there is none. */
  readonly refusal: (kid: string) => Promise<Denial | null>;
  readonly current: (kid: string) => string | null;
  readonly settle: () => Promise<void>;
}

/** An isolate that has seen nothing yet. */
export function isolate(issuer: Issuer, kv?: FakeKv): Isolate {
  const { waitUntil, done } = collectWaitUntil();
  const reports: string[] = [];
  const runtime = testRuntime(() => self.issuer());
  const resolver = new KeyResolver({ url: ISSUER_URL, runtime, kv, report: (reason) => void reports.push(reason) });
  const self: Isolate = {
    runtime,
    reports,
    issuer,
    async ask(kid) {
      const result = await resolver.resolve(kid, "ES256", waitUntil);
      return result.ok ? result.value.kid : result.error.reason;
    },
    async refusal(kid) {
      const result = await resolver.resolve(kid, "ES256", waitUntil);
      return result.ok ? null : result.error;
    },
    current: (kid) => resolver.current(kid, "ES256", waitUntil)?.kid ?? null,
    settle: done,
  };
  return self;
}
