/** One origin instance as its platform sees it, for the timeline: no secret, and looking at it neither wakes it nor counts as a call. */

/** What a party is doing. */
export type Activity = "starting" | "serving" | "leaving" | "asleep" | "suspended" | "stopped" | "failed" | "holding";

export interface InstanceView {
  readonly id: string;
  readonly region: string;
  /** What was rolled out: a Koyeb deployment, a Machine version. */
  readonly rollout: string;
  readonly activity: Activity;
  /** Where its process listens; null while there is none or it is suspended. */
  readonly url: string | null;
}
