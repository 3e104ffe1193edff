/** What every listener of one sandbox shares: fault rules, timings, ports and the tokens that its vendors accept. */
import { randomBytes } from "node:crypto";
import { Faults } from "./faults.ts";
import { DEFAULT_TIMINGS, type Timings, type VendorContext } from "./vendor.ts";

/** Listeners in the order of their ports when `portBase` is given: the first has `portBase` itself. */
export const LISTENERS = [
  "gateway",
  "github",
  "cloudflare",
  "koyeb",
  "koyeb-edge",
  "fly",
  "fly-edge",
  "idp",
  "database",
  "control",
  "notion",
  "broker",
] as const;

export interface ContextOptions {
  /** First of the fixed ports; absent = ephemeral ports. */
  readonly portBase?: number | undefined;
  readonly timings?: Partial<Timings> | undefined;
  /** Light instances from the start. */
  readonly light?: boolean | undefined;
  /** Folder of somebody's own modules. */
  readonly modules?: string | undefined;
  readonly log: (line: string) => void;
}

/** Shaped like the vendors' own, so that redaction and log scanners see what they see in production. */
const makeTokens = (): VendorContext["tokens"] => ({
  github: `ghp_${randomBytes(27).toString("base64url").replaceAll(/[-_]/g, "0")}`,
  cloudflare: randomBytes(30).toString("base64url"),
  koyeb: randomBytes(32).toString("hex"),
  // flyctl drops a `fm2_` token that is no real macaroon; it takes the older kind as it is.
  fly: `fo1_${randomBytes(32).toString("base64url")}`,
});

/** A fresh context. @throws {RangeError} when the fixed ports would leave 1..65535. */
export function createContext(options: ContextOptions): VendorContext {
  const { portBase, log } = options;
  // Listeners beyond the named ones (a second Worker, a second app) take the ports after them, in the order of their start.
  const names: string[] = [...LISTENERS];
  if (
    portBase !== undefined &&
    !(Number.isInteger(portBase) && portBase > 0 && portBase + 2 * LISTENERS.length <= 65_535)
  )
    throw new RangeError(`port base must be a whole number from 1 to ${65_535 - 2 * LISTENERS.length}`);
  return {
    faults: new Faults(),
    timings: { ...DEFAULT_TIMINGS, ...options.timings },
    log,
    light: options.light ?? false,
    modules: options.modules,
    byHand: randomBytes(16).toString("hex"),
    tokens: makeTokens(),
    port(listener) {
      if (portBase === undefined) return 0;
      if (!names.includes(listener)) names.push(listener);
      return portBase + names.indexOf(listener);
    },
  };
}
