/** Every hint about restores, steps back and other secrets, followed word by word. */
import { describe, expect, it } from "vitest";
import { configure, desk, FLAGS, follow, type, withStates } from "../test/follow.ts";
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
  jobLacks: {
    world: world("LOST"),
    argv: "secrets restore fly",
    env: { GATEWAY_SECRET_A: VALUE.replace("0ce9", "1ce9"), GATEWAY_SECRET_B: ZERO },
    ends: "STEADY",
  },
  newJob: {
    world: steady,
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
    ends: "STEADY",
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

describe("a first deploy with a forgotten secret", () => {
  /** Both slots are there, and Koyeb's deployment failed because a secret that it names is not. */
  const forgotten = (...names: string[]) => {
    const cloud = needing(...names);
    for (const origin of cloud.origins) {
      origin.needs = ["DATABASE_URL", "REQUEST_STATE_KEY"];
      origin.instances = [];
    }
    return desk({ cloud, stdin: ADDRESS });
  };
  it.each(["secrets verify", "secrets status", "secrets rotate", "secrets rotate --dry-run"])(
    "ends in one sentence and one command, from %s",
    async (command) => {
      const place = forgotten("DATABASE_URL");
      const [first, ...more] = await follow(place, [...command.split(" "), ...FLAGS]);
      expect(first?.text).toContain("DATABASE_URL");
      expect(first?.hint).toBe("mcpist secrets put DATABASE_URL --env production --config ops.config.ts");
      expect(more.map(({ code }) => code)).toEqual([0]);
      expect((await type(place, ["secrets", "verify", ...FLAGS])).code).toBe(0);
    },
  );
  it("names one after the other where several were forgotten", async () => {
    const place = forgotten("DATABASE_URL", "REQUEST_STATE_KEY");
    const said = await follow(place, ["secrets", "rotate", ...FLAGS]);
    expect(said.map(({ hint }) => hint?.replace(/ --env.*/, "") ?? null)).toEqual([
      "mcpist secrets put DATABASE_URL",
      "mcpist secrets put REQUEST_STATE_KEY --generate",
      null,
    ]);
    expect((await type(place, ["secrets", "verify", ...FLAGS])).code).toBe(0);
  });
});
