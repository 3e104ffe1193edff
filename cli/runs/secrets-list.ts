/** `mcpist secrets list`: every secret beside the gateway secret, and how it stands at everybody who gets it. Reads only. */
import { secretSpecs, usedSecrets, type SecretSpec } from "../../contract/secret-names.ts";
import type { Context } from "../context.ts";
import { EXIT, McpistError, type ExitCode } from "../errors.ts";
import { HINTS } from "../hints/hints.ts";
import { table } from "../layout.ts";
import { hintText, printJson, styles, printProse, printNext } from "../output.ts";
import type { PutRecord } from "../secrets/journal-entry.ts";
import { heldElsewhere } from "../secrets/elsewhere.ts";
import { holdersOf, standingOf, type Held, type Standing } from "../secrets/marks.ts";
import { openSession, type CommonFlags, type Session } from "../session.ts";

/** One secret as it is listed. */
export interface ListedSecret {
  readonly name: string;
  readonly purpose: string;
  /** Who gets it: names of origins, "worker", "github". */
  readonly targets: readonly string[];
  /** False = this configuration has no use for it. */
  readonly needed: boolean;
  /** Since the last put, unit: days; null = there was none, or it did not end. */
  readonly ageDays: number | null;
  /** Older than it should get. */
  readonly overdue: boolean;
  /** By target. */
  readonly standing: Readonly<Record<string, Standing>>;
  /** Targets that do not have it as it was put last. */
  readonly lackedBy: readonly string[];
}

const DAY_MS = 86_400_000;

/** @param nowMs the platform's time, milliseconds since 1970. Pure. */
export function listed(
  spec: SecretSpec,
  needed: boolean,
  parties: readonly Held[],
  record: PutRecord | undefined,
  nowMs: number,
): ListedSecret {
  const { name, purpose, maxAgeDays } = spec;
  const holders = holdersOf(spec, parties);
  const at = record?.at ?? null;
  const ageDays = at === null ? null : Math.max(0, Math.floor((nowMs - Date.parse(at)) / DAY_MS));
  const standing = needed ? Object.fromEntries(holders.map((held) => [held.name, standingOf(held, name, record)])) : {};
  return {
    name,
    purpose,
    targets: holders.map((held) => held.name),
    needed,
    ageDays,
    overdue: ageDays !== null && ageDays > maxAgeDays,
    standing,
    lackedBy: Object.entries(standing).flatMap(([target, { kind }]) => (kind === "off" ? [target] : [])),
  };
}

/** How it stands everywhere, in a word or two. */
function wordsOf({ needed, standing, lackedBy }: ListedSecret): string {
  if (!needed) return "not used";
  if (lackedBy.length > 0) return `lacking at ${lackedBy.join(", ")}`;
  const unknown = Object.entries(standing).flatMap(([target, { kind }]) => (kind === "unknown" ? [target] : []));
  if (unknown.length > 0) return `unknown at ${unknown.join(", ")}`;
  const proven = Object.entries(standing).flatMap(([target, one]) =>
    one.kind === "proven" ? [{ target, ...one }] : [],
  );
  const instances = proven.reduce((sum, one) => sum + (one.target === "worker" ? 0 : one.instances), 0);
  const by = [
    ...(instances === 0 ? [] : [instances === 1 ? "1 instance" : `${instances} instances`]),
    ...(proven.some(({ target }) => target === "worker") ? ["worker"] : []),
  ];
  const dates = Object.values(standing).flatMap((one) =>
    one.kind === "dated" ? [`dated ${one.at.slice(0, 10)} at github`] : [],
  );
  const words = [...(by.length === 0 ? [] : [`proven at ${by.join(", ")}`]), ...dates];
  return words.length === 0 ? "stored" : words.join("; ");
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
  const used = usedSecrets(session.environment);
  const [origins, elsewhere] = await Promise.all([
    look(session),
    heldElsewhere(session.targets, used),
    session.journal.read(),
  ]);
  const needed = new Set(used.map(({ name }) => name));
  const { puts = {} } = session.journal.state;
  const now = session.store.serverTime();
  const secrets = secretSpecs(session.environment).map((spec) =>
    listed(spec, needed.has(spec.name), [...origins, ...elsewhere], puts[spec.name], now),
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
  printProse(context, `${table([["NAME", "AT", "AGE", "STATE"], ...rows])}\n\n`);
  for (const { name, purpose } of secrets) printProse(context, `${name}: ${purpose}\n`);
  const style = styles(context, context.stdout);
  for (const { name, standing } of secrets)
    for (const [target, one] of Object.entries(standing))
      if (one.kind === "off") printProse(context, `${style("yellow", "off")}  ${name} at ${target}: ${one.why}\n`);
  printNext(context, next);
  return EXIT.done;
}
