import { describe, expect, it } from "vitest";
import type { SlotName } from "../../contract/gateway-secret.ts";
import { FakeCloud } from "../test/fake-cloud.ts";
import { converge, live } from "../test/fake-run.ts";

const K0 = "00000000000000aa";
const FOREIGN = "00000000000000ff";

/** Somebody writes a slot. @param kid null = deletes it. */
interface Meddling {
  readonly party: string;
  readonly slot: SlotName;
  readonly kid: string | null;
  /** Name of a call, and how often it was made before. */
  readonly after: readonly [name: string, nth: number];
}

function meddled({ party, slot, kid, after: [after, nth] }: Meddling): FakeCloud {
  const cloud = new FakeCloud().steady(K0).withJournal();
  let met = 0;
  cloud.fault = (_, name) => {
    if (met === nth && name !== after) {
      cloud.fault = () => null;
      if (party === "GitHub") cloud.vault[slot] = { kid, updatedAt: kid === null ? null : cloud.now };
      for (const origin of cloud.origins)
        if (origin.name === party) {
          origin.config[slot] = kid;
          origin.configChanged = true;
        }
    }
    if (name === after) met++;
    return null;
  };
  return cloud;
}

describe("a slot that somebody else writes while a run waits for it", () => {
  it.each<[string, Meddling]>([
    ["Koyeb, another value", { party: "koyeb", after: ["koyeb: redeploy", 1], slot: "b", kid: FOREIGN }],
    ["Koyeb, deleted", { party: "koyeb", after: ["koyeb: redeploy", 1], slot: "b", kid: null }],
    ["Fly.io, another value", { party: "fly", after: ["fly: update fly-1", 1], slot: "b", kid: FOREIGN }],
    ["Fly.io, deleted", { party: "fly", after: ["fly: update fly-1", 1], slot: "b", kid: null }],
    ["GitHub, another value", { party: "GitHub", after: ["git: update ref", 3], slot: "b", kid: FOREIGN }],
    ["GitHub, deleted", { party: "GitHub", after: ["git: update ref", 3], slot: "b", kid: null }],
    ["the one that is retired", { party: "koyeb", after: ["koyeb: redeploy", 2], slot: "a", kid: FOREIGN }],
  ])(
    "ends the run within seconds by the name of the party, and the next run puts it right: %s",
    async (_, meddling) => {
      const cloud = meddled(meddling);
      const started = cloud.now;
      const ending = await live(cloud, { id: "one" });
      expect({ ...ending, run: null }).toMatchObject({
        kind: "stopped",
        error: {
          code: "ERR_MISMATCH",
          message:
            `GATEWAY_SECRET_${meddling.slot.toUpperCase()} at ${meddling.party} is not what this run wrote and rolled out: ` +
            "somebody else wrote it since, or the platform did not take it. What the run waits for never comes",
        },
      });
      expect(cloud.now - started).toBeLessThan(60_000);
      await converge(cloud, "again");
      expect({ violation: cloud.violation, residue: cloud.residue() }).toEqual({ violation: null, residue: null });
    },
  );
});
