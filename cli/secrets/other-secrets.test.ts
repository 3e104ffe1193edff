/** A rotation changes one secret: those that somebody else writes at the same Worker are live exactly where that somebody deployed them. */
import { describe, expect, it } from "vitest";
import { FakeCloud } from "../test/fake-cloud.ts";
import { converge, live, type LifeOptions } from "../test/fake-run.ts";
import { secretSpecs } from "../../contract/secret-names.ts";
import { emergency } from "./emergency.ts";
import { phaseOf } from "./phase.ts";
import { putSecret } from "./put.ts";

const K0 = "00000000000000aa";
function installed(): FakeCloud {
  const cloud = new FakeCloud({
    origins: [
      { name: "koyeb", kind: "koyeb" },
      { name: "fly", kind: "fly" },
    ],
  })
    .steady(K0)
    .withJournal();
  cloud.foreignRelease(cloud.foreignSecret("NOTION_TOKEN", "old"));
  cloud.pass(60_000);
  return cloud;
}

/** What a colleague does. */
const EVENTS: Readonly<Record<string, (cloud: FakeCloud) => void>> = {
  "wrangler versions secret put": (cloud) => void cloud.foreignSecret("NOTION_TOKEN", "new"),
  "wrangler secret put": (cloud) => cloud.foreignRelease(cloud.foreignSecret("NOTION_TOKEN", "new")),
  "a secret that is put onto what is deployed": (cloud) =>
    cloud.foreignRelease(cloud.foreignSecret("NOTION_TOKEN", "new", "deployed")),
};

/** What the command is. */
const WORK: Readonly<Record<string, Partial<LifeOptions>>> = {
  rotate: {},
  "rotate --emergency fast": { work: (run) => emergency(run, "fast") },
  "rotate --emergency now": { work: (run) => emergency(run, "now") },
};

const seen = (cloud: FakeCloud) => ({
  violation: cloud.violation,
  residue: cloud.residue(),
  code: cloud.wrongCode(),
  secrets: cloud.wrongSecrets(),
});
const RIGHT = { violation: null, residue: null, code: null, secrets: null };

const rows = Object.keys(EVENTS).flatMap((event) => Object.keys(WORK).map((work) => [event, work] as const));

describe("another secret of the Worker", () => {
  it.each(rows)("%s at any call of %s", async (event, work) => {
    const start = (): FakeCloud => {
      const cloud = installed();
      cloud.checksS1 = work === "rotate";
      return cloud;
    };
    const whole = start();
    const before = whole.calls;
    await live(whole, { ...WORK[work], id: "whole" });
    const found: unknown[] = [];
    for (let n = 1; n <= whole.calls - before; n += work === "rotate" ? 1 : 3) {
      const cloud = start();
      const at = cloud.calls + n;
      cloud.event = () => {
        if (cloud.calls < at) return;
        cloud.event = null;
        EVENTS[event]?.(cloud);
      };
      const ending = await live(cloud, { ...WORK[work], id: "among" });
      // What falls on the last calls is seen by nobody before the next run.
      if (ending.kind !== "done" || JSON.stringify(seen(cloud)) !== JSON.stringify(RIGHT))
        await converge(cloud, "again");
      if (JSON.stringify(seen(cloud)) !== JSON.stringify(RIGHT))
        found.push({ n, at: whole.log[before + n - 1], ...seen(cloud) });
    }
    expect(found).toEqual([]);
  });

  it.each(Object.keys(WORK))("that mcpist put and wrangler rolled back stays so after %s", async (work) => {
    const [spec] = secretSpecs({
      secrets: { NOTION_TOKEN: { purpose: "token of Notion", shape: "text", to: ["worker"] } },
    }).slice(-1);
    if (!spec) throw new TypeError("there is no spec");
    const cloud = installed();
    cloud.checksS1 = work === "rotate";
    const put = async (value: string): Promise<void> => {
      const ending = await live(cloud, {
        id: `put-${value}`,
        work: async (run) => {
          await putSecret(run, spec, value, false);
          return phaseOf(await run.observe());
        },
      });
      expect(ending.kind).toBe("done");
    };
    await put("one");
    const one = cloud.versions[0]?.id ?? "";
    await put("two");
    cloud.foreignRelease(one);
    cloud.pass(60_000);
    expect((await live(cloud, { ...WORK[work], id: "after" })).kind).toBe("done");
    expect(seen(cloud)).toEqual(RIGHT);
    expect(cloud.bound).toMatchObject({ NOTION_TOKEN: "one" });
  });
});
