/** An origin that cannot start because a secret was forgotten is no case for a quarantine: the one command that helps is named instead. */
import { neededSecrets } from "../../contract/secret-names.ts";
import { McpistError } from "../errors.ts";
import { HINTS, idOf } from "../hints/hints.ts";
import type { Observation } from "../secrets/observation.ts";
import type { Session } from "../session.ts";

/** Secrets that the platform of an origin does not hold, in the order in which they are needed. */
const missingSecrets = (
  origins: Observation["origins"],
  needed: readonly string[],
): readonly { readonly secret: string; readonly party: string }[] =>
  needed.flatMap((secret) =>
    origins
      .filter(({ look }) => look.stamps !== undefined && look.stamps[secret] === undefined)
      .map(({ name }) => ({ secret, party: name })),
  );

/** Asks for an origin that does not answer. */
const bringsBack = ({ advice }: McpistError): boolean => advice !== undefined && idOf(advice) === "bringBack";

/**
 * `error`, unless it may be the doing of a secret that is missing and one is.
 * @param observe looks only then.
 * @param mayBe whether such an error can have that reason.
 */
export async function withMissingSecret(
  { environment }: Session,
  error: unknown,
  observe: () => Promise<Pick<Observation, "origins">>,
  mayBe: (error: McpistError) => boolean = bringsBack,
): Promise<unknown> {
  if (!(error instanceof McpistError) || !mayBe(error)) return error;
  const [missing] = missingSecrets((await observe()).origins, neededSecrets(environment));
  if (!missing) return error;
  const { code, exitCode, message } = error;
  const hint = HINTS.put(missing.secret);
  return new McpistError(code, `${message}; ${missing.party} has no ${missing.secret}, and needs it to start`, {
    hint,
    exitCode,
    cause: error,
  });
}
