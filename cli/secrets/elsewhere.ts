/** Looks at secrets of one's own where no origin has them: at the Worker and at GitHub. Asks nobody who is to have none. Reads only. */
import type { SecretSpec } from "../../contract/secret-names.ts";
import type { SecretsLook, Targets } from "../targets/types.ts";
import type { Held } from "./marks.ts";
import { reasonOf } from "./observe.ts";

/** Both, as far as one of `specs` goes there; one that cannot be seen says why. @throws as {@link reasonOf}. */
export async function heldElsewhere(
  { worker, vault }: Pick<Targets, "worker" | "vault">,
  specs: readonly Pick<SecretSpec, "name" | "to">[],
): Promise<readonly Held[]> {
  const places = [
    ["worker", worker],
    ["github", vault],
  ] as const;
  const held = await Promise.all(
    places.map(async ([place, target]): Promise<readonly Held[]> => {
      const names = specs.filter(({ to }) => to.includes(place)).map(({ name }) => name);
      if (names.length === 0) return [];
      const look = await target
        .secrets(names)
        .catch((error: unknown): SecretsLook => ({ ok: false, reason: reasonOf(error) }));
      return [{ name: place, place, look }];
    }),
  );
  return held.flat();
}
