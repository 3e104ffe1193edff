/** `mcpist secrets list`: every secret beside the gateway secret, and how it stands at each origin. Reads only. */
import { neededSecrets, secretSpecs, type SecretSpec } from "../../contract/secret-names.ts";
import type { Context } from "../context.ts";
import { EXIT, McpistError, type ExitCode } from "../errors.ts";
import { HINTS } from "../hints/hints.ts";
import { hintText, printJson, styles, table } from "../output.ts";
import type { PutRecord } from "../secrets/journal-entry.ts";
import { standingOf, type Held, type Standing } from "../secrets/marks.ts";
import { openSession, type CommonFlags, type Session } from "../session.ts";

/** One secret as it is listed. */
export interface ListedSecret {
  readonly name: string;
  readonly purpose: string;
  /** Names of the origins that get it. */
  readonly targets: readonly string[];
  /** False = this configuration has no use for it. */
  readonly needed: boolean;
  /** Since the last put, unit: days; null = there was none, or it did not end. */
  readonly ageDays: number | null;
  /** Older than it should get. */
  readonly overdue: boolean;
  /** By name of the origin. */
  readonly standing: Readonly<Record<string, Standing>>;
  /** Origins that do not have it as it was put last. */
  readonly lackedBy: readonly string[];
}

const DAY_MS = 86_400_000;

/** @param nowMs the platform's time, milliseconds since 1970. Pure. */
export function listed(
  { name, purpose, maxAgeDays }: SecretSpec,
  needed: boolean,
  origins: readonly Held[],
  record: PutRecord | undefined,
  nowMs: number,
): ListedSecret {
  const at = record?.at ?? null;
  const ageDays = at === null ? null : Math.max(0, Math.floor((nowMs - Date.parse(at)) / DAY_MS));
  const standing = needed
    ? Object.fromEntries(origins.map((origin) => [origin.name, standingOf(origin, name, record)]))
    : {};
  return {
    name,
    purpose,
    targets: origins.map((origin) => origin.name),
    needed,
    ageDays,
    overdue: ageDays !== null && ageDays > maxAgeDays,
    standing,
    lackedBy: Object.entries(standing).flatMap(([origin, { kind }]) => (kind === "off" ? [origin] : [])),
  };
}

/** How it stands everywhere, in a word or two. */
function wordsOf({ needed, standing, lackedBy }: ListedSecret): string {
  if (!needed) return "not used";
  if (lackedBy.length > 0) return `lacking at ${lackedBy.join(", ")}`;
  const unknown = Object.entries(standing).flatMap(([origin, { kind }]) => (kind === "unknown" ? [origin] : []));
  if (unknown.length > 0) return `unknown at ${unknown.join(", ")}`;
  const instances = Object.values(standing).reduce((sum, one) => sum + (one.kind === "proven" ? one.instances : 0), 0);
  return instances === 0 ? "stored" : `proven at ${instances === 1 ? "1 instance" : `${instances} instances`}`;
}

const ageOf = ({ ageDays, overdue }: ListedSecret): string =>
  ageDays === null ? "unknown" : `${ageDays} ${ageDays === 1 ? "day" : "days"}${overdue ? ", overdue" : ""}`;

/** The platforms' and the instances' own words; one that cannot be seen is unknown, not lacking. */
async function look(session: Session): Promise<readonly Held[]> {
  const origins = session.targets.origins.filter(({ state }) => state !== "quarantined");
  return Promise.all(
    origins.map(async (origin): Promise<Held> => {
      try {
        return { name: origin.name, look: await origin.look() };
      } catch (error) {
        if (!(error instanceof McpistError) || error.code === "ERR_UNAUTHORISED") throw error;
        return { name: origin.name, look: { ok: false, reason: error.message } };
      }
    }),
  );
}

/** The command: always 0 when the look itself worked. */
export async function runSecretsList(context: Context, flags: CommonFlags): Promise<ExitCode> {
  const session = await openSession(context, flags);
  const [origins] = await Promise.all([look(session), session.journal.read()]);
  const needed = new Set(neededSecrets(session.environment));
  const { puts = {} } = session.journal.state;
  const now = session.store.serverTime();
  const secrets = secretSpecs(session.environment).map((spec) =>
    listed(spec, needed.has(spec.name), origins, puts[spec.name], now),
  );
  const worst = secrets.find(({ lackedBy }) => lackedBy.length > 0) ?? secrets.find(({ overdue }) => overdue);
  const next = worst ? HINTS.put(worst.name) : HINTS.nothing();
  if (flags.json) {
    printJson(context, {
      command: "secrets list",
      environment: session.name,
      ok: true,
      exitCode: EXIT.done,
      secrets,
      next: hintText(context, next),
    });
    return EXIT.done;
  }
  const rows = secrets.map((secret) => [secret.name, secret.targets.join(", "), ageOf(secret), wordsOf(secret)]);
  context.stdout.write(`${table([["NAME", "AT", "AGE", "STATE"], ...rows])}\n\n`);
  for (const { name, purpose } of secrets) context.stdout.write(`${name}: ${purpose}\n`);
  const style = styles(context, context.stdout);
  for (const { name, standing } of secrets)
    for (const [origin, one] of Object.entries(standing))
      if (one.kind === "off") context.stdout.write(`${style("yellow", "off")}  ${name} at ${origin}: ${one.why}\n`);
  context.stdout.write(`next:  ${hintText(context, next)}\n`);
  return EXIT.done;
}
