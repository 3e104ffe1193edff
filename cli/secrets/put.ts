/**
 * Puts one of the secrets beside the gateway secret: value, then mark, then a rollout, then proof by every instance. What a crash
 * leaves in between is off by the marks, and the same command again ends it.
 */
import type { SecretSpec } from "../../contract/secret-names.ts";
import { McpistError } from "../errors.ts";
import { HINTS } from "../hints/hints.ts";
import type { OriginTarget } from "../targets/types.ts";
import { standingOf, type Standing } from "./marks.ts";
import { allSettled, type Run } from "./run.ts";

/** How the secret stands at one origin at the end. */
export interface Placed {
  readonly origin: string;
  readonly standing: Standing;
}

/** Rollouts are over when this is asked, so only the platform's routing may still lag. Unit: milliseconds. */
const PROOF_TIMEOUT_MS = 60_000;
const POLL_MS = 500;

/** Writes value and mark, once where origins share a store. @returns the platform's stamp by origin. */
async function writeEverywhere(run: Run, name: string, value: string, mark: string): Promise<Record<string, string>> {
  const stores = Map.groupBy(run.origins, (origin) => origin.store);
  const stamps: Record<string, string> = {};
  await allSettled(
    [...stores.values()].map(([writer, ...others]) =>
      writer === undefined
        ? Promise.resolve()
        : run.step(`put ${name} at ${[writer, ...others].map((origin) => origin.name).join(", ")}`, async () => {
            run.touched = true;
            const stamp = await writer.put(name, value, mark, run.journal.guard);
            for (const origin of [writer, ...others]) stamps[origin.name] = stamp;
          }),
    ),
  );
  return stamps;
}

/** Asks every instance until all report the mark, or it is clear that they will not. */
async function prove(run: Run, origin: OriginTarget, name: string): Promise<Standing> {
  let why = "its instances";
  return run.context.waits.during(
    () => `${origin.name}: ${why}`,
    () => awaitMark(run, origin, name, (text) => (why = text)),
  );
}

async function awaitMark(run: Run, origin: OriginTarget, name: string, tell: (why: string) => void): Promise<Standing> {
  const record = run.journal.state.puts?.[name];
  const deadline = run.context.monotonic() + PROOF_TIMEOUT_MS;
  for (;;) {
    const look = await origin.look();
    const standing = standingOf({ name: origin.name, look }, name, record);
    if (standing.kind !== "off" || run.context.monotonic() > deadline) return standing;
    tell(standing.why);
    await run.context.sleep(POLL_MS);
  }
}

const wordsOf = ({ origin, standing }: Placed): string =>
  `${origin} (${standing.kind === "proven" || standing.kind === "stored" ? "rolled out" : standing.why})`;

/**
 * The whole put, under the run's lock. @param used whether this configuration gives the secret to its origins at all.
 * @throws {McpistError} ERR_PARTIAL naming every origin at which it is not proven, and why.
 */
export async function putSecret(run: Run, spec: SecretSpec, value: string, used: boolean): Promise<readonly Placed[]> {
  const { name } = spec;
  const mark = run.context.randomBytes(8).toString("hex");
  const { puts } = run.journal.state;
  await run.journal.record(`putting ${name}`, { mark }, { puts: { ...puts, [name]: { mark, at: null, stamps: {} } } });
  const stamps = await writeEverywhere(run, name, value, mark);
  const tip = await run.journal.record(`wrote ${name}`, { mark });
  const record = { mark, at: tip.date, stamps };
  await run.journal.record(`put ${name}`, { mark }, { puts: { ...run.journal.state.puts, [name]: record } });
  const placed: Placed[] = [];
  // One after another: a value with which an origin cannot start must not reach them all.
  for (const origin of run.origins) {
    if (!used || !(await origin.deployed())) {
      placed.push({ origin: origin.name, standing: { kind: "stored" } });
      continue;
    }
    try {
      await run.step(`roll out ${origin.name}`, () => run.roll(origin, "rolling"));
    } catch (error) {
      throw stopped(error, name, run.origins, origin);
    }
    const standing = await run.step(`prove ${name} at ${origin.name}`, () => prove(run, origin, name));
    placed.push({ origin: origin.name, standing });
  }
  const missing = placed.filter(({ standing }) => standing.kind === "off" || standing.kind === "unknown");
  if (missing.length === 0) return placed;
  throw new McpistError(
    "ERR_PARTIAL",
    `${name} is written and rolled out, and not proven at ${missing.map(wordsOf).join(", ")}`,
    { hint: HINTS.putAgain(name) },
  );
}

/** A rollout that failed ends the put before the next origin: the value may be what stopped it. */
function stopped(error: unknown, name: string, origins: readonly OriginTarget[], failed: OriginTarget): unknown {
  if (!(error instanceof McpistError)) return error;
  const left = origins.slice(origins.indexOf(failed)).map((origin) => origin.name);
  return new McpistError(error.code, `${name} is written, and not rolled out at ${left.join(", ")}: ${error.message}`, {
    hint: error.advice,
    exitCode: error.exitCode,
    cause: error,
  });
}
