/** Every hint about the pool, followed word by word. */
import { configure, FLAGS, type, withStates } from "../test/follow.ts";
import {
  leadOut,
  type Elsewhere,
  type Scenario,
  ZERO,
  asTheFileSays,
  calm,
  inPool,
  joining,
  meanwhile,
  meanwhileEach,
  overwrite,
  relocate,
  steady,
  tamper,
} from "../test/scenario.ts";
import { at } from "../test/worlds.ts";
import { ORIGINS } from "./origins.ts";

const SCENARIOS: Readonly<Record<keyof typeof ORIGINS, Scenario | Elsewhere>> = {
  quarantineOrPool: { world: steady, argv: "secrets verify", states: { fly: "quarantined" }, ends: "STEADY" },
  joinOrQuarantine: {
    world: () => {
      const cloud = steady();
      relocate(cloud, null, { fly: "quarantined" });
      return cloud;
    },
    argv: "secrets verify",
    byHand: (desk) => configure(desk, withStates({ fly: "joining" })),
    afterwards: inPool,
    ends: "STEADY",
  },
  deployOrCorrect: {
    world: () => {
      const cloud = steady();
      relocate(cloud, "https://old.example.com");
      return cloud;
    },
    argv: "secrets verify",
    byHand: asTheFileSays,
    ends: "STEADY",
  },
  deployBaseAgain: {
    world: () => {
      const cloud = steady();
      cloud.versions = cloud.versions.map((version) => ({ ...version, config: `{"origins":[]}` }));
      return cloud;
    },
    argv: "secrets rotate",
    byHand: asTheFileSays,
    ends: "STEADY",
  },
  agree: {
    world: () => steady(),
    argv: "origins quarantine koyeb",
    states: { fly: "joining" },
    byHand: inPool,
    afterwards: (desk) => configure(desk, withStates({ koyeb: "quarantined" })),
    ends: "STEADY",
  },
  setQuarantined: {
    world: () => joining(),
    argv: "origins quarantine fly",
    states: { fly: "joining" },
    byHand: (desk) => configure(desk, withStates({ fly: "quarantined" })),
    ends: "STEADY",
  },
  setJoiningHere: { elsewhere: "cli/runs/config-line.test.ts", says: "leads out: setJoiningHere" },
  setJoining: {
    world: () => joining(),
    argv: "origins join fly",
    byHand: (desk) => configure(desk, withStates({ fly: "joining" })),
    afterwards: inPool,
    ends: "STEADY",
  },
  joinFirst: {
    world: () => joining(),
    argv: "origins quarantine koyeb",
    states: { fly: "joining" },
    afterwards: inPool,
    ends: "STEADY",
  },
  bringUp: {
    world: () => {
      const cloud = joining();
      at(cloud, "fly").down = true;
      return cloud;
    },
    argv: "origins join fly",
    states: { fly: "joining" },
    byHand: ({ cloud }) => void (cloud && (at(cloud, "fly").down = false)),
    afterwards: inPool,
    ends: "STEADY",
  },
  logs: {
    world: () => {
      const cloud = joining();
      at(cloud, "fly").silent = ["fly-9"];
      return cloud;
    },
    argv: "origins join fly",
    states: { fly: "joining" },
    byHand: ({ cloud }) => void (cloud && delete at(cloud, "fly").silent),
    afterwards: inPool,
    ends: "STEADY",
  },
  deployService: {
    world: () => {
      const cloud = joining();
      const fly = at(cloud, "fly");
      fly.instances = [];
      fly.service = false;
      return cloud;
    },
    argv: "origins join fly",
    states: { fly: "joining" },
    byHand: ({ cloud }) => cloud?.deployService(at(cloud, "fly")),
    afterwards: inPool,
    ends: "STEADY",
  },
  join: {
    world: () => joining(),
    argv: "secrets status",
    states: { fly: "joining" },
    afterwards: inPool,
    ends: "STEADY",
  },
  givesNext: {
    world: () => {
      const cloud = joining();
      let looks = 0;
      return meanwhileEach(cloud, (name) => {
        if (name === "fly: look" && cloud.residue() === null && ++looks === 5)
          overwrite(cloud, "fly", { a: ZERO, b: ZERO });
      });
    },
    argv: "origins join fly",
    states: { fly: "joining" },
    byHand: calm,
    afterwards: async (desk) => {
      await type(desk, ["origins", "join", "fly", ...FLAGS]);
      inPool(desk);
    },
    ends: "STEADY",
  },
  nothingRouted: {
    world: () => {
      const cloud = joining();
      return meanwhile(cloud, "worker: reconfigure", () => overwrite(cloud, "fly", { a: ZERO, b: ZERO }));
    },
    argv: "origins join fly",
    states: { fly: "joining" },
    byHand: calm,
    ends: "STEADY",
    afterwards: inPool,
  },
  servedBefore: {
    world: () => {
      const cloud = steady();
      return meanwhile(cloud, "worker: deploy", () => tamper(cloud));
    },
    argv: "origins quarantine fly",
    byHand: calm,
    ends: "STEADY",
  },
};

leadOut(ORIGINS, SCENARIOS);
