/** Every hint about a rotation, followed word by word. */
import { live } from "../test/fake-run.ts";
import { configure, FLAGS, type, withStates } from "../test/follow.ts";
import {
  leadOut,
  type Scenario,
  JOB,
  ZERO,
  calm,
  free,
  meanwhile,
  meanwhileEach,
  overwrite,
  proven,
  steady,
  strangers,
  tamper,
  world,
} from "../test/scenario.ts";
import { at, K0, VALUE } from "../test/worlds.ts";
import { ROTATION } from "./rotation.ts";

const SCENARIOS: Readonly<Record<keyof typeof ROTATION, Scenario>> = {
  again: {
    world: () => {
      const cloud = steady();
      return meanwhile(cloud, "worker: look", () => void cloud.versions.shift(), 3);
    },
    argv: "secrets rotate",
    byHand: calm,
    ends: "STEADY",
  },
  status: { world: steady, argv: "secrets restore worker", env: JOB, ends: "STEADY" },
  verify: {
    world: () => {
      const cloud = steady();
      let looks = 0;
      return meanwhileEach(cloud, (name) => {
        if (name !== "fly: look" || cloud.residue() !== null || !proven(cloud)) return;
        if (++looks === 2) at(cloud, "fly").configChanged = true;
      });
    },
    argv: "secrets rotate",
    byHand: calm,
    ends: "STEADY",
  },
  history: {
    world: () => {
      const cloud = steady();
      return meanwhile(
        cloud,
        "worker: names",
        () => {
          for (const name of ["koyeb", "fly"]) overwrite(cloud, name, { a: K0, b: ZERO });
          cloud.vault.b = { kid: null, updatedAt: null };
        },
        2,
      );
    },
    argv: "secrets rotate",
    byHand: calm,
    ends: /acquired/,
  },
  init: {
    // With slots that somebody wrote by hand before the first run.
    world: async () => {
      const cloud = await world("UNSET")();
      overwrite(cloud, "fly", { a: K0, b: ZERO });
      return cloud;
    },
    argv: "secrets rotate",
    afterwards: ({ cloud }) => {
      for (const origin of cloud?.origins ?? []) {
        origin.size = 1;
        cloud?.deployService(origin);
      }
    },
    ends: "STEADY",
  },
  rotate: { world: steady, argv: "secrets rotate --init", ends: "STEADY" },
  rotateAnew: { world: world("UNBACKED"), argv: "secrets status", ends: "STEADY" },
  rotateOver: { world: world("STAGED"), argv: "secrets status", ends: "STEADY" },
  finish: { world: world("LINGERING"), argv: "secrets status", ends: "STEADY" },
  clean: { world: world("ORPHAN"), argv: "secrets status", ends: "STEADY" },
  bringBack: {
    world: world("BLIND"),
    argv: "secrets rotate",
    byHand: (desk) => configure(desk, withStates({ fly: "quarantined" })),
    afterwards: async (desk) => void (await type(desk, ["secrets", "rotate", ...FLAGS])),
    ends: "STEADY",
  },
  askDoctor: {
    world: () => {
      const cloud = steady();
      cloud.fault = (_, name) => (name === "worker: look" ? "error" : null);
      return cloud;
    },
    argv: "secrets rotate",
    ends: /checks are not ok/,
  },
  restoreWorker: {
    world: () => {
      const cloud = steady();
      cloud.checksS1 = false;
      cloud.foreignDeploy();
      cloud.versions = cloud.versions.slice(0, 1).map((version) => ({ ...version, kid: null }));
      return cloud;
    },
    argv: "secrets rotate",
    job: JOB,
    ends: "STEADY",
  },
  rearm: { world: world("ASTRAY"), argv: "secrets status", ends: "STEADY" },
  restore: { world: world("FORKED"), argv: "secrets rotate", job: JOB, ends: "STEADY" },
  endCanary: {
    world: world("CANARY"),
    argv: "secrets rotate",
    byHand: ({ cloud }) => cloud?.foreignRelease("v1"),
    ends: "STEADY",
  },
  adopt: { world: world("LEGACY"), argv: "secrets rotate", job: { GATEWAY_SECRET: VALUE }, ends: "STEADY" },
  jobValue: {
    world: world("LEGACY"),
    argv: "secrets rotate",
    env: { GATEWAY_SECRET: VALUE.replace("0ce9", "1ce9") },
    byHand: ({ env }) => void (env["GATEWAY_SECRET"] = VALUE),
    ends: "STEADY",
  },
  cutOff: {
    world: world("BLIND"),
    argv: "secrets rotate --emergency fast",
    byHand: ({ cloud }) => void (cloud && (at(cloud, "fly").down = false)),
    ends: "STEADY",
  },
  emergencyAgain: {
    world: async () => {
      const cloud = steady();
      cloud.checksS1 = false;
      // Both slots of Koyeb are written, and nothing is rolled out.
      cloud.fault = (_, name) => (name === "koyeb: write a" ? "kill-after" : null);
      await live(cloud, { id: "dies", emergency: "now" });
      cloud.fault = () => null;
      free(cloud);
      return cloud;
    },
    argv: "secrets rotate",
    ends: "STEADY",
  },
  githubBack: {
    world: () => {
      const cloud = steady();
      cloud.checksS1 = false;
      cloud.fault = (_, name) => (name.startsWith("github: write") ? "error" : null);
      return cloud;
    },
    argv: "secrets rotate --emergency fast",
    byHand: calm,
    ends: "STEADY",
  },
  deploysEnd: {
    world: () => {
      const cloud = steady();
      return meanwhileEach(cloud, (name) => {
        if (name === "worker: deploy")
          cloud.event = () => {
            cloud.event = null;
            cloud.foreignDeploy();
          };
      });
    },
    argv: "secrets rotate",
    byHand: calm,
    ends: "STEADY",
  },
  deployAgain: {
    world: async () => {
      const cloud = await world("UNDONE")();
      const lost = cloud.deployments[1]?.shares[0]?.versionId;
      cloud.versions = cloud.versions.filter(({ id }) => id !== lost);
      return cloud;
    },
    argv: "secrets rotate",
    byHand: ({ cloud }) => cloud?.foreignDeploy(),
    ends: "STEADY",
  },
  notSwitched: {
    world: () => {
      const cloud = steady();
      return meanwhile(cloud, "worker: look", () => tamper(cloud), 4);
    },
    argv: "secrets rotate",
    byHand: calm,
    ends: "STEADY",
  },
  nothingSwitched: {
    world: () => {
      const cloud = steady();
      return meanwhile(cloud, "worker: probe", () => overwrite(cloud, "fly", { a: K0, b: ZERO }));
    },
    argv: "secrets rotate",
    byHand: calm,
    ends: "STEADY",
  },
  leaked: { world: strangers("outside"), argv: "secrets rotate", ends: "STEADY" },
  edgeLags: {
    world: () => {
      const cloud = steady();
      cloud.lagMs = 3 * 3_600_000;
      cloud.checksS1 = false;
      return cloud;
    },
    argv: "secrets rotate",
    ends: "STEADY",
  },
  whoUses: { world: strangers("inside"), argv: "secrets rotate", ends: "STEADY" },
  nothing: { world: steady, argv: "secrets status", ends: "STEADY" },
};

leadOut(ROTATION, SCENARIOS);
