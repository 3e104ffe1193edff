/** What the broker is made of. */
import type { Provider } from "./refresh.ts";

/** One statement, which is its own transaction. @throws whatever the driver throws. */
export type Query = <Row extends object>(
  text: string,
  parameters: readonly (string | number | boolean | null)[],
) => Promise<readonly Row[]>;

/** The broker's database role. */
export interface BrokerDatabase {
  readonly query: Query;
}

/** What the broker needs from outside. */
export interface BrokerParts {
  readonly database: BrokerDatabase;
  readonly isCaller: (presented: string | null) => boolean;
  /** By module name. */
  readonly providers: ReadonlyMap<string, Provider>;
  readonly fetch: typeof fetch;
  /** Writes one JSON line. */
  readonly line: (event: Readonly<Record<string, unknown>>) => void;
  /** Monotonic. Unit: milliseconds. */
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  /** Keeps the process until `work` is done, after the answer has left. `work` never rejects. */
  readonly later: (work: Promise<unknown>) => void;
}
