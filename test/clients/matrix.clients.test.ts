/** Real clients, unchanged, against the sandbox's gateway and origins: from nothing to a signed-in session, and what a session lives through. */
import { writeFile } from "node:fs/promises";
import process from "node:process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { userId } from "../../sandbox/vendors/idp/tokens.ts";
import type { Results } from "./results.ts";
import { runClient } from "./run.ts";
import type { Outcome } from "./task.ts";
import {
  chosen,
  idOf,
  isInstalled,
  type Meeting,
  meetingsOf,
  type Presentation,
  PRESENTATIONS,
  stepsOf,
} from "./versions.ts";
import { hastyOf, personOf, SECONDS_LEFT, startWorld, type World } from "./world.ts";

/** They wait most of the time; of more at once on two cores one may be too slow for its own deadlines. */
const AT_ONCE = 3;
/** Longest wait for one of them where they take turns, and the least wait for all. Unit: milliseconds. */
const PATIENCE_EACH_MS = 75_000;
const PATIENCE_LEAST_MS = 900_000;
/** Where the outcomes are written, for write-table.ts; absent = nowhere. */
const REPORT = process.env["MCPIST_CLIENTS_REPORT"];

const clients = chosen();
const missing = clients.filter((client) => !isInstalled(client));
if (process.env["CI"] === "true")
  it("has every client of this run", () => {
    expect(missing.map(idOf), "node test/clients/install.ts").toEqual([]);
  });

interface Run extends Meeting {
  /** Counted from 1 in its world; also the number of its person. */
  readonly n: number;
  readonly outcomes: Promise<readonly Outcome[]>;
  readonly settle: (outcomes: readonly Outcome[]) => void;
}
const meetings = meetingsOf(clients.filter(isInstalled));
const runs: readonly Run[] = PRESENTATIONS.flatMap((presentation) =>
  meetings
    .filter((meeting) => meeting.presentation === presentation)
    .map((meeting, index) => {
      const { promise, resolve } = Promise.withResolvers<readonly Outcome[]>();
      return { ...meeting, n: index + 1, outcomes: promise, settle: resolve };
    }),
);
/** Longest wait for all of them. Unit: milliseconds. */
const PATIENCE_MS = Math.max(PATIENCE_LEAST_MS, Math.ceil(runs.length / AT_ONCE) * PATIENCE_EACH_MS);
const peopleIn = (presentation: Presentation): number => runs.filter((run) => run.presentation === presentation).length;

let worlds: Readonly<Record<Presentation, World>>;
let all: Promise<unknown>;

async function take(queue: Run[]): Promise<void> {
  for (let run = queue.shift(); run; run = queue.shift()) {
    const { client, era, presentation, n } = run;
    const world = worlds[presentation];
    run.settle(
      await runClient(client, {
        url: world.url,
        era,
        presentation,
        id: `${idOf(client)}-${era}`,
        slowGithub: world.slowGithub,
        person: personOf(n),
        hastyPerson: personOf(hastyOf(n)),
        secondsLeft: SECONDS_LEFT,
        token: await world.cloud.sandbox.idp.mint({ sub: userId(n) }),
      }),
    );
  }
}

describe.skipIf(runs.length === 0)("real clients (skipped where none is installed)", () => {
  beforeAll(async () => {
    const [meta, native] = await Promise.all(
      PRESENTATIONS.map((presentation) => startWorld(peopleIn(presentation), presentation)),
    );
    if (!meta || !native) throw new TypeError("a world for each presentation");
    worlds = { meta, native };
    const queue = [...runs];
    all = Promise.all(Array.from({ length: AT_ONCE }, () => take(queue)));
  }, 120_000);
  afterAll(async () => {
    await all;
    if (REPORT !== undefined) {
      const results: Results = await Promise.all(
        runs.map(async ({ client, era, presentation, outcomes }) => ({
          id: idOf(client),
          era,
          presentation,
          outcomes: await outcomes,
        })),
      );
      await writeFile(REPORT, `${JSON.stringify(results, null, 2)}\n`);
    }
    await Promise.all(PRESENTATIONS.map((presentation) => worlds[presentation].close()));
  }, PATIENCE_MS);

  it("are no worse off when they take JSON only, as several hosts do (docs/clients.md): a slow call", async () => {
    const { sandbox } = worlds.meta.cloud;
    const params = { owner: "clients", repo: "slow-plain" };
    const call = { name: "call", arguments: { module: "github", tool: "list_issues", params } };
    const response = await fetch(worlds.meta.url, {
      method: "POST",
      headers: {
        authorization: `Bearer ${await sandbox.idp.mint()}`,
        "content-type": "application/json",
        accept: "application/json",
        "mcp-protocol-version": "2025-06-18",
      },
      body: JSON.stringify({ jsonrpc: "2.0", id: "slow", method: "tools/call", params: call }),
    });
    expect([response.status, response.headers.get("content-type")]).toEqual([200, "application/json"]);
    expect(await response.json()).toMatchObject({ id: "slow", result: { structuredContent: { issues: [] } } });
  });

  describe.each(runs)(
    "$client.family $client.version, $era, $presentation",
    ({ client, presentation, outcomes, n }) => {
      it.each(stepsOf(client, presentation))(
        "%s",
        async (step) => {
          const outcome = (await outcomes).find((outcome) => outcome.step === step);
          expect(outcome, outcome?.detail).toMatchObject({ step, ok: client.faults?.[step] === undefined });
        },
        PATIENCE_MS,
      );

      it.skipIf(client.faults?.signIn !== undefined)(
        "signs in once, and once more for a person whose token ends, which is then renewed",
        async () => {
          await outcomes;
          const { idp } = worlds[presentation].cloud.sandbox;
          expect(idp.grants(userId(n)).authorization_code).toBe(1);
          if (!stepsOf(client, presentation).includes("refresh")) return;
          const { authorization_code, refresh_token } = idp.grants(userId(hastyOf(n)));
          expect(authorization_code).toBe(1);
          expect(refresh_token).toBeGreaterThan(0);
        },
        PATIENCE_MS,
      );
    },
  );
});

describe.each(missing)("$family $version", () => {
  it.skip("is not installed here: node test/clients/install.ts", () => undefined);
});
