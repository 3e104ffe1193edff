/**
 * From every phase with every fault on top, a person who does nothing but what is printed gets to STEADY. Nobody wrote these states
 * down: they are products.
 */
import { describe, expect, it } from "vitest";
import { againIn, commandsIn, desk, FLAGS, type, type Desk, type Said } from "../test/follow.ts";
import type { FakeCloud } from "../test/fake-cloud.ts";
import { free, heldBy, overwrite, ZERO } from "../test/scenario.ts";
import { at, K0, VALUE, WORLDS } from "../test/worlds.ts";

/** What may have happened beside. */
const FAULTS: Readonly<Record<string, (cloud: FakeCloud) => void | Promise<void>>> = {
  nothing: () => undefined,
  "Fly.io is away": (cloud) => void (at(cloud, "fly").down = true),
  "somebody uploaded code": (cloud) => void cloud.foreignUpload(),
  "somebody deployed code": (cloud) => cloud.foreignDeploy(),
  "Fly's slots were deleted": (cloud) => {
    at(cloud, "fly").config = { a: null, b: null };
    at(cloud, "fly").configChanged = true;
  },
  "Koyeb's slots hold something else": (cloud) => overwrite(cloud, "koyeb", { a: "00000000000000cc", b: ZERO }),
  "GitHub lost a slot": (cloud) => void (cloud.vault.b = { kid: null, updatedAt: null }),
  "GitHub's slots were written by hand": (cloud) => {
    cloud.vault.a = { ...cloud.vault.a, updatedAt: cloud.now };
  },
  "the Worker was rolled back": (cloud) => {
    const oldest = cloud.versions.at(-1);
    if (oldest) cloud.foreignRelease(oldest.id);
  },
  "a run died with the lock": async (cloud) => void (await heldBy("r-dead", "local", cloud)),
  "the journal is gone": (cloud) => void (cloud.ref = null),
};
const MOST = 10;

/** What a person does who is asked for something that is no command of ours. */
function byHand({ cloud, env }: Desk, hint: string): void {
  if (!cloud) return;
  for (const origin of cloud.origins) if (hint.includes(`bring ${origin.name} back`)) origin.down = false;
  const [, version] = /wrangler versions deploy (\S+?)@100%/.exec(hint) ?? [];
  if (version !== undefined && hint.startsWith("give one of")) cloud.foreignRelease(version);
  if (hint.startsWith("deploy it again")) cloud.foreignDeploy();
  if (hint.includes("git push origin --delete")) cloud.ref = null;
  // Terraform's part of a first deploy.
  if (cloud.origins.every(({ instances, config }) => instances.length === 0 && config.a !== null))
    for (const origin of cloud.origins) {
      origin.size = 1;
      cloud.deployService(origin);
    }
  // Edges and rollouts settle while somebody types.
  cloud.pass(10_000);
  const job = hint.includes("workflow job") || hint.startsWith("start a new job");
  const { a = VALUE, b = ZERO } = cloud.given;
  env["GATEWAY_SECRET_A"] = job ? a : undefined;
  env["GATEWAY_SECRET_B"] = job ? b : undefined;
  env["GATEWAY_SECRET"] = hint.includes("as GATEWAY_SECRET") ? VALUE : undefined;
  env["GITHUB_ACTIONS"] = job ? "true" : undefined;
}

/** Nothing but what is printed, from `secrets verify` on. */
async function getOut(place: Desk): Promise<readonly Said[]> {
  const said: Said[] = [];
  let argv: readonly string[] = ["secrets", "verify", ...FLAGS];
  for (let step = 0; step < MOST; step++) {
    const last = await type(place, argv);
    said.push(last);
    if (last.code === 0 && argv[1] === "verify") return said;
    const hint = last.hint ?? "";
    byHand(place, hint);
    const back = / back, or set its state/.test(hint);
    const next = back ? undefined : (commandsIn(hint)[0] ?? againIn(hint, argv));
    // What went well is looked at again.
    argv = next ?? ["secrets", "verify", ...FLAGS];
  }
  return said;
}

/** Before the first secret a person has other things to do than to follow hints: what is there then was put there by hand. */
const UNSET_WITH: ReadonlySet<string> = new Set([
  "Fly.io is away",
  "GitHub's slots were written by hand",
  "Koyeb's slots hold something else",
]);
const products = Object.keys(WORLDS)
  .flatMap((world) => Object.keys(FAULTS).map((fault) => [world, fault] as const))
  .filter(([world, fault]) => world !== "UNSET" || !UNSET_WITH.has(fault));

describe("what is printed leads to STEADY", () => {
  it.each(products)("from %s, and %s", async (world, fault) => {
    const cloud = await WORLDS[world as keyof typeof WORLDS]();
    cloud.checksS1 = false;
    cloud.checksS2 = false;
    cloud.live ??= `a:${K0}`;
    // Seventeen minutes of watching a dead run, in every product, would show nothing more than in one of each.
    free(cloud);
    await FAULTS[fault]?.(cloud);
    const said = await getOut(desk({ cloud }));
    const shown = said.map(({ argv, code, text }) => `$ mcpist ${argv.join(" ")}\n${text}[${code}]`).join("\n");
    expect(said.at(-1)?.code, shown).toBe(0);
    expect(said.at(-1)?.argv.slice(0, 2), shown).toEqual(["secrets", "verify"]);
  });
});
