/** Real clients, unchanged, against the sandbox's gateway and origins: from nothing to a signed-in session, and what a session lives through. */
import { writeFile } from "node:fs/promises";
import process from "node:process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { userId } from "../../sandbox/vendors/idp/tokens.ts";
import type { Results } from "./results.ts";
import { runClient, stepsOf } from "./run.ts";
import type { Outcome } from "./task.ts";
import { chosen, type ClientVersion, type Era, idOf, isInstalled } from "./versions.ts";
import { hastyOf, personOf, SECONDS_LEFT, startWorld, type World } from "./world.ts";

/** They wait most of the time; of more at once on two cores one may be too slow for its own deadlines. */
const AT_ONCE = 3;
/** Longest wait for all of them. Unit: milliseconds. */
const PATIENCE_MS = 900_000;
/** Where the outcomes are written, for write-table.ts; absent = nowhere. */
const REPORT = process.env["MCPIST_CLIENTS_REPORT"];

const clients = chosen();
const missing = clients.filter((client) => !isInstalled(client));
if (process.env["CI"] === "true")
  it("has every client of this run", () => {
    expect(missing.map(idOf), "node test/clients/install.ts").toEqual([]);
  });

interface Run {
  readonly client: ClientVersion;
  readonly era: Era;
  /** Counted from 1; also the number of its person. */
  readonly n: number;
  readonly outcomes: Promise<readonly Outcome[]>;
  readonly settle: (outcomes: readonly Outcome[]) => void;
}
const runs: readonly Run[] = clients
  .filter(isInstalled)
  .flatMap((client) => client.eras.map((era) => ({ client, era })))
  .map(({ client, era }, index) => {
    const { promise, resolve } = Promise.withResolvers<readonly Outcome[]>();
    return { client, era, n: index + 1, outcomes: promise, settle: resolve };
  });

let world: World;
let all: Promise<unknown>;

async function take(queue: Run[]): Promise<void> {
  for (let run = queue.shift(); run; run = queue.shift()) {
    const { client, era, n } = run;
    run.settle(
      await runClient(client, {
        url: world.url,
        era,
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
    world = await startWorld(runs.length);
    const queue = [...runs];
    all = Promise.all(Array.from({ length: AT_ONCE }, () => take(queue)));
  }, 120_000);
  afterAll(async () => {
    await all;
    if (REPORT !== undefined) {
      const results: Results = await Promise.all(
        runs.map(async ({ client, era, outcomes }) => ({ id: idOf(client), era, outcomes: await outcomes })),
      );
      await writeFile(REPORT, `${JSON.stringify(results, null, 2)}\n`);
    }
    await world.close();
  }, PATIENCE_MS);

  it("are no worse off when they take JSON only, as several hosts do (docs/clients.md): a slow call", async () => {
    const { sandbox } = world.cloud;
    const params = { owner: "clients", repo: "slow-plain" };
    const call = { name: "call", arguments: { module: "github", tool: "list_issues", params } };
    const response = await fetch(world.url, {
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

  describe.each(runs)("$client.family $client.version, $era", ({ client, outcomes, n }) => {
    it.each(stepsOf(client))(
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
        const { idp } = world.cloud.sandbox;
        expect(idp.grants(userId(n)).authorization_code).toBe(1);
        if (!stepsOf(client).includes("refresh")) return;
        const { authorization_code, refresh_token } = idp.grants(userId(hastyOf(n)));
        expect(authorization_code).toBe(1);
        expect(refresh_token).toBeGreaterThan(0);
      },
      PATIENCE_MS,
    );
  });
});

describe.each(missing)("$family $version", () => {
  it.skip("is not installed here: node test/clients/install.ts", () => undefined);
});
