/** Targets of a test that are partly something else: what stands in a test is what differs. */
import type { OriginTarget, Targets } from "../targets/types.ts";

/** Makes other targets of a run's. */
export type Wrap = (targets: Targets) => Targets;

/** Every origin with what `change` says of it. */
export const origins =
  (change: (origin: OriginTarget) => Partial<OriginTarget>): Wrap =>
  (targets) => ({ ...targets, origins: targets.origins.map((origin) => ({ ...origin, ...change(origin) })) });

/** The origin of that name with what `change` says of it. */
export const originNamed = (name: string, change: (origin: OriginTarget) => Partial<OriginTarget>): Wrap =>
  origins((origin) => (origin.name === name ? change(origin) : {}));
