/** What happens at the origin and may matter to security, as seen by the code that notices it. log.ts writes it down. */
import type { SecurityEvent } from "../contract/security-event.ts";

/** An event without what the log itself adds (time, layer, origin). */
export type Occurrence = Omit<SecurityEvent, "at" | "layer" | "origin">;

/** Takes occurrences; never throws, never waits. */
export interface EventSink {
  record(occurrence: Occurrence): void;
}
