/**
 * Ends the rotations of snapshots that stand on standard input, with the rotator of the tree that this is in, and prints what became
 * of each: "STEADY", or the one sentence with which it refuses.
 */
import { text } from "node:stream/consumers";
import { converge } from "../../cli/test/fake-run.ts";
import { cloudOf, type Snapshot } from "./snapshots.ts";

/** What became of one snapshot. */
export interface Outcome {
  readonly event: string;
  /** "STEADY" with nothing left over, else a sentence. */
  readonly ends: string;
}

/** Ends one. */
export async function resume(snapshot: Snapshot): Promise<Outcome> {
  const cloud = cloudOf(snapshot);
  const { event } = snapshot;
  try {
    const ending = await converge(cloud, "next");
    if (ending.kind !== "done") return { event, ends: ending.kind };
    return { event, ends: cloud.violation ?? cloud.residue() ?? ending.phase.name };
  } catch (error) {
    return { event, ends: error instanceof Error ? error.message : "an error" };
  }
}

if (import.meta.main) {
  const snapshots = JSON.parse(await text(process.stdin)) as readonly Snapshot[];
  const outcomes: Outcome[] = [];
  for (const snapshot of snapshots) outcomes.push(await resume(snapshot));
  process.stdout.write(`${JSON.stringify(outcomes)}\n`);
}
