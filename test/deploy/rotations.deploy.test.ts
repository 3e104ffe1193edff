/** Deploys between and in the middle of rotations, under load: no secret of old comes back, and not one request fails. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { SANDBOX_NAMES, sandboxEnvironment } from "../../contract/sandbox.ts";
import { startTraffic } from "../../sandbox/load/traffic.ts";
import type { Installation } from "./installation.ts";
import { ALL, BASE, bootstrap, done, liveKid, openedWithFirst, putSecrets, slots, TIMEOUT_MS } from "./operator.ts";
import { sharedService } from "./shared.ts";
import { CLIS, ENGINES } from "./tools.ts";
import { ROOT } from "./workplace.ts";

const EDGE = ["base-edge"];
const BUNDLE = join(ROOT, "dist/worker/index.js");

/** The Worker with other bytes. @returns its path. */
const anotherBuild = (installation: Installation, name: string): string =>
  installation.write(`${name}.js`, `${readFileSync(BUNDLE, "utf8")}\n// ${name}\n`);

/** Live load until the story's end; not one request may fail. @param except kinds that this installation refuses anyway. */
async function underLoad(
  installation: Installation,
  work: () => Promise<void>,
  except: readonly string[] = [],
): Promise<void> {
  const { urls, idp } = installation.sandbox;
  const traffic = await startTraffic({
    gatewayUrl: urls.gateway,
    mint: (options) => idp.mint(options),
    users: 20,
    ratePerSecond: 20,
  });
  let finished = false;
  try {
    await work();
    finished = true;
  } finally {
    const report = await traffic.stop();
    // A story that broke says why by itself.
    if (finished) {
      expect(report.failures.filter(({ kind, slow }) => !slow && !except.includes(kind)).slice(0, 5)).toEqual([]);
      expect(report.sent).toBeGreaterThan(100);
    }
  }
}

describe.skipIf(ENGINES.length === 0 || CLIS.length === 0)("deploys around rotations", () => {
  const shared = sharedService();

  it("no deploy after a rotation brings an old secret back or fails a request", { timeout: TIMEOUT_MS }, async () => {
    const installation = shared();
    done(await installation.mcpist(["secrets", "rotate"]), "rotate");
    const kid = await liveKid(installation);
    const contents = slots(installation);
    await underLoad(installation, async () => {
      const changed = anotherBuild(installation, "after-a-rotation");
      done(await installation.apply(EDGE, { MCPIST_WORKER_BUNDLE: changed }), "deploy a changed Worker");
      expect(await liveKid(installation)).toBe(kid);
      done(await installation.apply(EDGE, { MCPIST_WORKER_BUNDLE: changed }), "deploy it unchanged");
      expect(await installation.plan("base-edge")).toBe("nothing");
      // Its upload carried the migration once.
      done(await installation.apply(EDGE), "deploy the first Worker again");
      expect(await liveKid(installation)).toBe(kid);
      // Someone steps back by hand: to the changed Worker, which was uploaded after the rotation.
      const back = ["rollback", "--name", SANDBOX_NAMES.worker, "--message", "by hand", "--yes"];
      done(await installation.run([join(ROOT, "node_modules/.bin/wrangler"), ...back]), "wrangler rollback");
      expect(await liveKid(installation)).toBe(kid);
      done(await installation.apply(EDGE), "deploy over the rollback");
      expect(await liveKid(installation)).toBe(kid);
      // As a person types it.
      done(
        await installation.deploy(ALL, { MCPIST_IMAGE: "sandbox.local/mcpist-origin:next" }),
        "deploy a changed image",
      );
      expect(await liveKid(installation)).toBe(kid);
    });
    expect(slots(installation)).toEqual(contents);
  });

  it(
    "a deploy in the middle of a rotation fails no request, and the rotation is finished afterwards",
    { timeout: TIMEOUT_MS },
    async () => {
      const installation = shared();
      const { faults } = installation.sandbox;
      const before = await liveKid(installation);
      await underLoad(installation, async () => {
        const down = { kind: "status", when: "before", status: 500 } as const;
        faults.add({ vendor: "fly", method: "POST", path: "/machines/[^/]+$", effect: down });
        const stopped = await installation.mcpist(["secrets", "rotate"]);
        expect(stopped.exitCode).not.toBe(0);
        faults.clear();
        const changed = anotherBuild(installation, "in-the-middle");
        done(await installation.apply(EDGE, { MCPIST_WORKER_BUNDLE: changed }), "deploy a changed Worker");
        done(
          await installation.apply(ALL, {
            MCPIST_WORKER_BUNDLE: changed,
            MCPIST_IMAGE: "sandbox.local/mcpist-origin:in-the-middle",
          }),
          "deploy all",
        );
        done(await installation.mcpist(["secrets", "rotate"]), "rotate again");
      });
      expect(await liveKid(installation)).not.toBe(before);
      done(await installation.mcpist(["secrets", "verify"]), "secrets verify");
    },
  );

  it(
    "a new origin is deployed beside the others and joins by a rotation, without a failed request",
    { timeout: TIMEOUT_MS },
    async () => {
      await openedWithFirst(async (installation) => {
        const { sandbox } = installation;
        const two = sandboxEnvironment(sandbox.urls);
        installation.configure("rehearsal", two);
        await bootstrap(installation);
        const kid = await liveKid(installation);
        const third = {
          name: "third",
          kind: "fly",
          app: "mcpist-third",
          url: await sandbox.fly.edgeUrl("mcpist-third"),
        } as const;
        const withThird = (state: "joining" | "pool") =>
          installation.configure("rehearsal", { ...two, origins: [...two.origins, { ...third, state }] });
        const work = async () => {
          withThird("joining");
          done(await installation.apply(BASE), "deploy a place for it");
          expect(await liveKid(installation)).toBe(kid);
          done(await installation.mcpist(["secrets", "rotate"]), "rotate");
          await putSecrets(installation);
          done(await installation.apply(ALL), "deploy its machine");
          withThird("pool");
          const rotated = await liveKid(installation);
          done(await installation.apply(BASE), "route to it");
          expect(await liveKid(installation)).toBe(rotated);
          expect((await fetch(`${third.url}/health`)).status).toBe(200);
        };
        // Only the built-in environment lets an origin call this machine.
        await underLoad(installation, work, ["long"]);
      });
    },
  );
});
