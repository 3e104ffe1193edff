/** Every hint about a rotation: a world in which it is printed, followed word by word through the real program. */
import { describe, expect, it } from "vitest";
import { FakeCloud } from "../test/fake-cloud.ts";
import { live } from "../test/fake-run.ts";
import {
  ENVIRONMENT,
  commandsIn,
  configure,
  desk,
  FLAGS,
  follow,
  type,
  withStates,
  type Desk,
  type Follower,
} from "../test/follow.ts";
import { at, installed, K0, VALUE, WORLDS } from "../test/worlds.ts";
import { ROTATION } from "./rotation.ts";

const K1 = "00000000000000bb";
const ZERO = "revoked:0000000000000000";
/** What a workflow job of a steady installation has. */
const JOB = { GATEWAY_SECRET_A: VALUE, GATEWAY_SECRET_B: ZERO };

interface Scenario extends Follower {
  readonly world: () => FakeCloud | Promise<FakeCloud>;
  readonly argv: string;
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly states?: Parameters<typeof withStates>[0];
  /** After everything was followed. */
  readonly afterwards?: (desk: Desk) => void | Promise<void>;
  /** "STEADY": verify finds nothing. Else what the last command says, which is all that can be had. */
  readonly ends: "STEADY" | RegExp;
}

/** Steady, with everything that verify looks at. */
function steady(): FakeCloud {
  const cloud = installed();
  cloud.live = `a:${K0}`;
  return cloud;
}
const world = (name: keyof typeof WORLDS) => async () => {
  const cloud = await WORLDS[name]();
  cloud.checksS1 = false;
  cloud.live ??= `a:${K0}`;
  free(cloud);
  return cloud;
};
/** A dead run's lock was given back in its name, as whoever takes it over does. */
function free(cloud: FakeCloud): void {
  const { message = "", parents = [] } = cloud.commits.get(cloud.ref ?? "") ?? {};
  if (cloud.ref === null || message === "") return;
  const date = new Date(cloud.now).toISOString();
  cloud.commits.set("c-free", { message: message.replace(/"leaseSeconds":\d+/, '"leaseSeconds":0'), parents, date });
  cloud.ref = "c-free";
}
/** Does something once, right before the `nth` call of a name has its effect. */
function meanwhile(cloud: FakeCloud, name: string, act: () => void, nth = 1): FakeCloud {
  let met = 0;
  cloud.checksS1 = false;
  cloud.fault = (_, called) => {
    if (called === name && ++met === nth) act();
    return null;
  };
  return cloud;
}
const calm = ({ cloud }: Desk): void => {
  if (!cloud) return;
  cloud.fault = () => null;
  cloud.event = null;
};
/** The base stacks are deployed. */
const asTheFileSays = ({ cloud }: Desk): void => {
  if (cloud) relocate(cloud, null);
};
const overwrite = (
  cloud: FakeCloud,
  name: string,
  kids: { a: string | null; b: string | null },
  running = true,
): void => {
  const origin = at(cloud, name);
  origin.config = { ...kids };
  if (running) for (const instance of origin.instances) instance.kids = { ...kids };
};
/** Somebody holds the lock and does nothing any more. */
async function heldBy(id: string, workflow = "local"): Promise<FakeCloud> {
  const cloud = steady();
  cloud.fault = (_, name) => (name === "git: update ref" ? "kill-after" : null);
  await live(cloud, { id, workflow });
  cloud.fault = () => null;
  return cloud;
}
const strangers = (peer: "inside" | "outside") => (): FakeCloud => {
  const cloud = steady();
  cloud.strangers = [{ kid: K0, peer }];
  return cloud;
};
const needing = (...names: string[]): FakeCloud => {
  const cloud = steady();
  for (const origin of cloud.origins) {
    origin.secrets = {
      REQUEST_STATE_KEY: { mark: "0".repeat(16), stamp: "s" },
      DATABASE_URL: { mark: "0".repeat(16), stamp: "s" },
    };
    for (const name of names) delete origin.secrets[name];
  }
  return cloud;
};
const ADDRESS = "postgres://u:p@db.example.com/postgres?sslmode=verify-full";
const inPool = (desk: Desk): void => configure(desk, ENVIRONMENT);

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
  continues: {
    world: () => {
      const cloud = steady();
      return meanwhile(cloud, "worker: upload", () => cloud.pass(13 * 60_000));
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
    world: world("UNSET"),
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
    afterwards: async (desk) => {
      configure(desk, withStates({ fly: "quarantined" }));
      await type(desk, ["secrets", "rotate", ...FLAGS]);
    },
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
  stepForward: { world: steady, argv: "secrets rollback", ends: "STEADY" },
  stepClean: { world: world("STAGED"), argv: "secrets rollback", ends: "STEADY" },
  finishRetirement: { world: world("RETIRING"), argv: "secrets rollback", ends: "STEADY" },
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
  holder: { world: () => heldBy("r-dead"), argv: "secrets rotate --dry-run", ends: "STEADY" },
  nothing: { world: steady, argv: "secrets status", ends: "STEADY" },
};

/** Steady at Koyeb alone; Fly.io has an app that the gateway does not route to. */
function joining(): FakeCloud {
  const cloud = steady();
  cloud.checksS1 = false;
  at(cloud, "fly").state = "joining";
  overwrite(cloud, "fly", { a: ZERO, b: ZERO });
  relocate(cloud, null, { fly: "joining" });
  return cloud;
}
/** Another configuration of the deployed version: as the file says now. */
function relocate(cloud: FakeCloud, url: string | null, states: Readonly<Record<string, string>> = {}): void {
  const base = JSON.parse(steady().versions[0]?.config ?? "{}") as { origins: { name: string }[] };
  const origins = ENVIRONMENT.origins.map(({ name, url: right }) => ({
    name,
    url: url ?? right,
    state: states[name] ?? "pool",
  }));
  cloud.versions = cloud.versions.map((version) => ({ ...version, config: JSON.stringify({ ...base, origins }) }));
}
/** The newest version turns out to carry another secret than it says. */
function tamper(cloud: FakeCloud): void {
  const [newest, ...older] = cloud.versions;
  if (newest) cloud.versions = [{ ...newest, kid: K1 }, ...older];
}
function meanwhileEach(cloud: FakeCloud, act: (name: string) => void): FakeCloud {
  cloud.checksS1 = false;
  cloud.fault = (_, name) => {
    act(name);
    return null;
  };
  return cloud;
}
const proven = (cloud: FakeCloud): boolean =>
  (cloud.commits.get(cloud.ref ?? "")?.message ?? "").startsWith("mcpist: dead");

describe("a hint", () => {
  it.each(Object.entries(SCENARIOS))("leads out: %s", async (id, scenario) => {
    const place = desk({
      cloud: await scenario.world(),
      ...(scenario.states ? { environment: withStates(scenario.states) } : {}),
      ...(scenario.env ? { env: scenario.env } : {}),
      ...(scenario.stdin === undefined ? {} : { stdin: scenario.stdin }),
    });
    const said = await follow(place, [...scenario.argv.split(" "), ...FLAGS], scenario);
    const shown = said.map(({ argv, code, text }) => `$ mcpist ${argv.join(" ")}\n${text}[${code}]`).join("\n");
    expect(said[0]?.told, shown).toContain(id);
    for (const { hint } of said)
      for (const words of commandsIn(hint ?? "")) expect(words.join(" "), shown).toContain("--config ops.config.ts");
    await scenario.afterwards?.(place);
    if (scenario.ends === "STEADY") {
      const last = await type(place, ["secrets", "verify", ...FLAGS]);
      expect(`${last.code} ${last.text}`, shown).toMatch(/^0 in step/);
    } else expect(said.at(-1)?.text, shown).toMatch(scenario.ends);
  });
});
