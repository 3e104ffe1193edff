/** Every hint about the pool, followed word by word. */
import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { commandsIn, configure, desk, FLAGS, type, withStates } from "../test/follow.ts";
import {
  leadOut,
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

const SCENARIOS: Readonly<Record<keyof typeof ORIGINS, Scenario>> = {
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

const AT = "http://127.0.0.1:9";
const JOINED = {
  gateway: "http://127.0.0.1:1",
  github: "http://127.0.0.1:2",
  notion: "http://127.0.0.1:3",
  broker: "http://127.0.0.1:4/functions/v1/broker",
  cloudflare: "http://127.0.0.1:5/client/v4",
  koyeb: "http://127.0.0.1:6",
  fly: "http://127.0.0.1:7",
  issuer: "http://127.0.0.1:8/auth/v1",
  database: "postgres://127.0.0.1:10/it's",
  control: "",
  origins: { koyeb: AT, fly: AT },
};
type States = Readonly<Record<string, "pool" | "joining" | "quarantined">>;

/** Id, the command, the gateway's states, the terminal's before, and as the printed line leaves them. */
const HERE: readonly (readonly [keyof typeof ORIGINS, string, States, States, States])[] = [
  ["quarantineOrPool", "secrets verify", {}, { fly: "quarantined" }, { fly: "pool" }],
  ["joinOrQuarantine", "secrets verify", { fly: "quarantined" }, {}, { fly: "joining" }],
  ["agree", "origins quarantine koyeb", {}, { fly: "joining" }, { fly: "pool" }],
  ["setQuarantined", "origins quarantine fly", {}, { fly: "joining" }, { fly: "quarantined" }],
  ["setJoining", "origins join fly", { fly: "quarantined" }, { fly: "quarantined" }, { fly: "joining" }],
];

describe("in a terminal that has joined a sandbox, where no file counts", () => {
  it.each(HERE)("a shell can read the line that is printed: %s", async (id, argv, gateway, before, after) => {
    const cloud = steady();
    relocate(cloud, AT, gateway);
    const env = { MCPIST_SANDBOX: JSON.stringify({ ...JOINED, states: before }) };
    const place = desk({ cloud, env });
    const said = await type(place, [...argv.split(" "), "--env", "sandbox"]);
    expect(said.told).toContain(id);
    expect(said.hint).not.toMatch(/mcpist\.config\.ts|the file/);
    const [line = ""] = /export MCPIST_SANDBOX=.*?(?=$| {3}\(| && )/.exec(said.hint ?? "") ?? [];
    const read = spawnSync("sh", ["-c", `${line}; printf %s "$MCPIST_SANDBOX"`], { encoding: "utf8", env: {} });
    expect(JSON.parse(read.stdout)).toEqual({ ...JOINED, states: after });
    for (const command of commandsIn(said.hint ?? "")) expect(command.slice(-2)).toEqual(["--env", "sandbox"]);
  });

  it("says what the sandbox was started with, where a setting is wrong", async () => {
    const cloud = steady();
    relocate(cloud, "http://127.0.0.1:11");
    const place = desk({ cloud, env: { MCPIST_SANDBOX: JSON.stringify(JOINED) } });
    expect(await type(place, ["secrets", "verify", "--env", "sandbox"])).toMatchObject({
      hint: "mcpist deploy --base --env sandbox, or correct its url in what the sandbox was started with, and start it again",
    });
  });
});
