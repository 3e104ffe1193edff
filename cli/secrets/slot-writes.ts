/**
 * Slots of a store that several origins share (Koyeb's secrets belong to the organisation) are written once for all of them. A second
 * write would be newer than the deployments that the first one is for, and nobody could tell any more what those were made from.
 */
import type { Guard, OriginTarget, SlotValues } from "../targets/types.ts";

interface Writing {
  readonly values: SlotValues;
  readonly done: Promise<void>;
}

/** The writes of one run that are under way, by store. */
export class SlotWrites {
  readonly #underWay = new Map<string, Writing>();

  /** Resolves when the slots are written, by whichever origin of the store asked first. @throws as {@link OriginTarget.write}. */
  async write(origin: Pick<OriginTarget, "store" | "write">, values: SlotValues, guard: Guard): Promise<void> {
    const before = this.#underWay.get(origin.store);
    if (before && before.values.a === values.a && before.values.b === values.b) return before.done;
    const turn = before?.done.catch(() => undefined) ?? Promise.resolve();
    const writing: Writing = { values, done: turn.then(() => origin.write(values, guard)) };
    this.#underWay.set(origin.store, writing);
    try {
      await writing.done;
    } finally {
      if (this.#underWay.get(origin.store) === writing) this.#underWay.delete(origin.store);
    }
  }
}
