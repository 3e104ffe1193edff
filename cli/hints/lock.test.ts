/** Every hint about the lock and the journal, followed word by word. */
import { describe, expect, it } from "vitest";
import { desk, FLAGS, follow, withStates } from "../test/follow.ts";
import { leadOut, type Scenario, calm, heldBy, joining, meanwhile, needing, steady } from "../test/scenario.ts";
import { LOCK } from "./lock.ts";

const SCENARIOS: Readonly<Record<keyof typeof LOCK, Scenario>> = {
  held: { world: () => heldBy("r-dead"), argv: "secrets rotate", ends: "STEADY" },
  heldByWorkflow: {
    world: () => heldBy("r-dead", "4711"),
    argv: "secrets rotate",
    byHand: ({ cloud }) => void (cloud && (cloud.workflowRuns["4711"] = "over")),
    ends: "STEADY",
  },
  cancelRun: {
    world: async () => {
      const cloud = await heldBy("r-dead", "4711");
      cloud.workflowRuns["4711"] = "alive";
      return cloud;
    },
    argv: "secrets rotate --yes --steal-lock r-dead",
    byHand: ({ cloud }) => void (cloud && (cloud.workflowRuns["4711"] = "over")),
    ends: "STEADY",
  },
  waitForRun: {
    world: async () => {
      const cloud = await heldBy("r-dead");
      const sha = cloud.ref;
      let met = 0;
      cloud.fault = (_, name) => {
        // The holder gives its lock back while it is watched.
        if (name === "git: read ref" && ++met === 3 && sha !== null) {
          const { message = "" } = cloud.commits.get(sha) ?? {};
          cloud.commits.set("c-free", {
            message: message.replace(/"leaseSeconds":\d+/, '"leaseSeconds":0'),
            parents: [sha],
            date: new Date(cloud.now).toISOString(),
          });
          cloud.ref = "c-free";
        }
        return null;
      };
      return cloud;
    },
    argv: "secrets rotate --yes --steal-lock r-dead",
    ends: "STEADY",
  },
  whoHolds: { world: () => heldBy("r-dead"), argv: "secrets rotate --yes --steal-lock 000000000000", ends: /r-dead/ },
  whoWrote: {
    world: () => {
      const cloud = steady();
      return meanwhile(cloud, "worker: upload", () => {
        const { message = "" } = cloud.commits.get(cloud.ref ?? "") ?? {};
        cloud.commits.set("c-other", {
          message: message.replace(/"run":"[^"]+"/, '"run":"r-thief"'),
          parents: [cloud.ref ?? ""],
          date: new Date(cloud.now).toISOString(),
        });
        cloud.ref = "c-other";
      });
    },
    argv: "secrets rotate",
    byHand: calm,
    ends: /r-thief/,
  },
  foreignRef: {
    world: () => {
      const cloud = steady();
      cloud.commits.set("c-hand", {
        message: "tidy up",
        parents: [cloud.ref ?? ""],
        date: new Date(cloud.now).toISOString(),
      });
      cloud.ref = "c-hand";
      return cloud;
    },
    argv: "secrets rotate",
    byHand: ({ cloud }, hint) => {
      expect(hint).toContain("(git push origin --delete refs/mcpist/rotation/production)");
      if (cloud) cloud.ref = null;
    },
    ends: "STEADY",
  },
  newerJournal: {
    world: () => {
      const cloud = steady();
      const { message, date } = cloud.commits.get(cloud.ref ?? "") ?? { message: "", date: "" };
      const newer = message.replace('"schema":1', '"schema":2');
      cloud.commits.set("c-newer", { message: newer, parents: [cloud.ref ?? ""], date });
      cloud.ref = "c-newer";
      return cloud;
    },
    argv: "secrets rotate",
    byHand: ({ cloud }) => {
      // The newer one goes on with the same entries.
      if (cloud) cloud.ref = "c0";
    },
    ends: "STEADY",
  },
  holder: { world: () => heldBy("r-dead"), argv: "secrets rotate --dry-run", ends: "STEADY" },
};

leadOut(LOCK, SCENARIOS);

describe("the lock of a dead run", () => {
  it.each([
    ["secrets put REQUEST_STATE_KEY --generate", () => heldBy("r-dead", "local", needing())],
    ["origins quarantine fly", () => heldBy("r-dead")],
    ["origins join fly", () => heldBy("r-dead", "local", joining())],
    ["secrets rollback", () => heldBy("r-dead")],
    ["secrets restore worker", () => heldBy("r-dead")],
  ])("is taken by every command that takes the lock, as its hint says: %s", async (command, world) => {
    const place = desk({
      cloud: await world(),
      environment: withStates(command.includes("join") ? { fly: "joining" } : {}),
    });
    const [first, second] = await follow(place, [...command.split(" "), ...FLAGS]);
    expect(first?.told).toContain("held");
    expect(second?.argv).toEqual([...command.split(" "), ...FLAGS, "--steal-lock", "r-dead"]);
    expect(second?.text).not.toMatch(/ERR_LOCKED|no such option/);
  });
});
