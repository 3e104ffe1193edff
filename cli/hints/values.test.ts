/** Every hint about restores, steps back and other secrets, followed word by word. */
import { configure, FLAGS, type, withStates } from "../test/follow.ts";
import { leadOut, type Scenario, ADDRESS, JOB, ZERO, needing, steady, world } from "../test/scenario.ts";
import { at, VALUE } from "../test/worlds.ts";
import { VALUES } from "./values.ts";

const SCENARIOS: Readonly<Record<keyof typeof VALUES, Scenario>> = {
  workflowJob: { world: world("LOST"), argv: "secrets restore fly", job: JOB, ends: "STEADY" },
  lostAtGithub: {
    world: world("LOST"),
    argv: "secrets restore fly",
    env: { GITHUB_ACTIONS: "true" },
    afterwards: async (desk) => {
      configure(desk, withStates({ fly: "quarantined" }));
      await type(desk, ["secrets", "rotate", ...FLAGS]);
    },
    ends: "STEADY",
  },
  workerLost: {
    world: () => {
      const cloud = steady();
      cloud.checksS1 = false;
      cloud.foreignDeploy();
      cloud.versions = cloud.versions.slice(0, 1).map((version) => ({ ...version, kid: null }));
      return cloud;
    },
    argv: "secrets restore worker",
    env: { GITHUB_ACTIONS: "true" },
    ends: "STEADY",
  },
  newJob: {
    world: world("LOST"),
    argv: "secrets restore fly",
    env: { GATEWAY_SECRET_A: VALUE.replace("0ce9", "1ce9"), GATEWAY_SECRET_B: ZERO },
    job: JOB,
    ends: "STEADY",
  },
  oneOriginFirst: {
    world: async () => {
      const cloud = await world("FORKED")();
      at(cloud, "koyeb").down = true;
      return cloud;
    },
    argv: "secrets restore fly",
    env: JOB,
    choose: "again",
    byHand: ({ cloud }) => void (cloud && (at(cloud, "koyeb").down = false)),
    ends: "STEADY",
  },
  cleanFirst: {
    world: async () => {
      const cloud = await world("STAGING")();
      at(cloud, "koyeb").configChanged = false;
      return cloud;
    },
    argv: "secrets restore fly",
    env: JOB,
    ends: "STEADY",
  },
  putAgain: {
    world: () => {
      const cloud = needing();
      cloud.hollowWhen = (name) => name === "koyeb";
      return cloud;
    },
    argv: "secrets put REQUEST_STATE_KEY --generate",
    byHand: ({ cloud }) => void (cloud && (cloud.hollowWhen = () => false)),
    ends: /x/,
  },
  put: { world: () => needing("DATABASE_URL"), argv: "secrets verify", stdin: ADDRESS, ends: "STEADY" },
  putFile: { world: () => needing(), argv: "secrets put DATABASE_URL --generate", stdin: ADDRESS, ends: "STEADY" },
  putPiped: {
    world: () => needing(),
    argv: "secrets put DATABASE_URL",
    stdin: "nonsense",
    byHand: (desk) => void (desk.stdin = ADDRESS),
    ends: "STEADY",
  },
  secretNames: { world: () => needing(), argv: "secrets put GATEWAY_SECRET", ends: "STEADY" },
  databaseAddress: {
    world: () => needing(),
    argv: "secrets put DATABASE_URL",
    stdin: "postgres://u:p@db.example.com/postgres?sslmode=no-verify",
    byHand: (desk) => void (desk.stdin = ADDRESS),
    ends: "STEADY",
  },
  stepForward: { world: steady, argv: "secrets rollback", ends: "STEADY" },
  stepClean: { world: world("STAGED"), argv: "secrets rollback", ends: "STEADY" },
  finishRetirement: { world: world("RETIRING"), argv: "secrets rollback", ends: "STEADY" },
};

leadOut(VALUES, SCENARIOS);
