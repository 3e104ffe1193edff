/** Worlds in which a hint is printed, and the test that follows it: see cli/test/follow.ts. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parseEntry } from "../secrets/journal-entry.ts";
import { FakeCloud } from "./fake-cloud.ts";
import { live } from "./fake-run.ts";
import {
  commandsIn,
  configure,
  desk,
  ENVIRONMENT,
  FLAGS,
  follow,
  type,
  withStates,
  type Desk,
  type Follower,
} from "./follow.ts";
import { at, installed, K0, VALUE, WORLDS } from "./worlds.ts";

/** A world, what is typed in it, and where following the hint ends. */
export interface Scenario extends Follower {
  /** The platforms; absent = the command reaches none, or the network of `prepare`. */
  readonly world?: () => FakeCloud | Promise<FakeCloud>;
  readonly argv: string;
  /** False: nothing is added to what is typed. */
  readonly flags?: false;
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly states?: Parameters<typeof withStates>[0];
  /** What else is so before the first command. */
  readonly prepare?: (desk: Desk) => void | Promise<void>;
  /** After everything was followed. */
  readonly afterwards?: (desk: Desk) => void | Promise<void>;
  /** "STEADY": verify finds nothing. Else what the last command ends with: exit code and text. */
  readonly ends: "STEADY" | RegExp;
}
/** Where the scenario of an entry is that needs a process of its own: a test file that names it. */
export interface Elsewhere {
  readonly elsewhere: string;
  /** What that file has of it; absent = its name. */
  readonly says?: string;
}

/** One test for each entry: printed, followed word by word, and out. */
export function leadOut(entries: object, scenarios: Readonly<Record<string, Scenario | Elsewhere>>): void {
  describe("a hint", () => {
    it("has a scenario, whichever it is", () => {
      expect(Object.keys(scenarios).toSorted()).toEqual(Object.keys(entries).toSorted());
    });
    const elsewhere = Object.entries(scenarios).filter(
      (entry): entry is [string, Elsewhere] => "elsewhere" in entry[1],
    );
    if (elsewhere.length > 0)
      it.each(elsewhere)("has it in a file that there is: %s", (id, { elsewhere: file, says = id }) => {
        expect(readFileSync(new URL(`../../${file}`, import.meta.url), "utf8")).toContain(says);
      });
    const here = Object.entries(scenarios).filter((entry): entry is [string, Scenario] => "argv" in entry[1]);
    it.each(here)("leads out: %s", async (id, scenario) => {
      const cloud = await scenario.world?.();
      const place = desk({
        ...(cloud ? { cloud } : {}),
        ...(scenario.states ? { environment: withStates(scenario.states) } : {}),
        ...(scenario.env ? { env: scenario.env } : {}),
        ...(scenario.stdin === undefined ? {} : { stdin: scenario.stdin }),
      });
      await scenario.prepare?.(place);
      const said = await follow(
        place,
        [...scenario.argv.split(" "), ...(scenario.flags === false ? [] : FLAGS)],
        scenario,
      );
      const shown = said.map(({ argv, code, text }) => `$ mcpist ${argv.join(" ")}\n${text}[${code}]`).join("\n");
      expect(said[0]?.told, shown).toContain(id);
      for (const { hint, flags } of said)
        for (const words of commandsIn(hint ?? ""))
          if (/^(?:secrets|origins|doctor|jwks)/.test(words.join(" ")))
            expect(words.join(" "), shown).toContain(flags.trim());
      await scenario.afterwards?.(place);
      if (scenario.ends === "STEADY") {
        const last = await type(place, ["secrets", "verify", ...FLAGS]);
        expect(`${last.code} ${last.text}`, shown).toMatch(/^0 in step/);
      } else expect(`${said.at(-1)?.code} ${said.at(-1)?.text}`, shown).toMatch(scenario.ends);
    });
  });
}

export const K1 = "00000000000000bb";
export const ZERO = "revoked:0000000000000000";
/** What a workflow job of a steady installation has. */
export const JOB = { GATEWAY_SECRET_A: VALUE, GATEWAY_SECRET_B: ZERO };

/** Steady, with everything that verify looks at. */
export function steady(): FakeCloud {
  const cloud = installed();
  cloud.live = `a:${K0}`;
  return cloud;
}
export const world = (name: keyof typeof WORLDS) => async () => {
  const cloud = await WORLDS[name]();
  cloud.checksS1 = false;
  cloud.live ??= `a:${K0}`;
  free(cloud);
  return cloud;
};
/** A dead run's lock was given back in its name, as whoever takes it over does. What was dated by its last entry keeps that date. */
export function free(cloud: FakeCloud): void {
  const tip = cloud.commits.get(cloud.ref ?? "");
  if (!tip) return;
  const entry = { ...parseEntry(tip.message, tip.date), leaseSeconds: 0, dated: [] };
  const date = new Date(cloud.now).toISOString();
  cloud.commits.set("c-free", { message: `mcpist: released\n\n${JSON.stringify(entry)}`, parents: tip.parents, date });
  cloud.ref = "c-free";
}
/** Does something once, right before the `nth` call of a name has its effect. */
export function meanwhile(cloud: FakeCloud, name: string, act: () => void, nth = 1): FakeCloud {
  let met = 0;
  cloud.checksS1 = false;
  cloud.fault = (_, called) => {
    if (called === name && ++met === nth) act();
    return null;
  };
  return cloud;
}
export const calm = ({ cloud }: Desk): void => {
  if (!cloud) return;
  cloud.fault = () => null;
  cloud.event = null;
};
/** The base stacks are deployed. */
export const asTheFileSays = ({ cloud }: Desk): void => {
  if (cloud) relocate(cloud, null);
};
export const overwrite = (
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
export async function heldBy(id: string, workflow = "local", cloud = steady()): Promise<FakeCloud> {
  cloud.fault = (_, name) => (name === "git: update ref" ? "kill-after" : null);
  await live(cloud, { id, workflow });
  cloud.fault = () => null;
  return cloud;
}
export const strangers = (peer: "inside" | "outside") => (): FakeCloud => {
  const cloud = steady();
  cloud.strangers = [{ kid: K0, peer }];
  return cloud;
};
export const needing = (...names: string[]): FakeCloud => {
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
export const ADDRESS = "postgres://u:p@db.example.com/postgres?sslmode=verify-full";
export const inPool = (desk: Desk): void => configure(desk, ENVIRONMENT);

/** Steady at Koyeb alone; Fly.io has an app that the gateway does not route to. */
export function joining(): FakeCloud {
  const cloud = steady();
  cloud.checksS1 = false;
  at(cloud, "fly").state = "joining";
  overwrite(cloud, "fly", { a: ZERO, b: ZERO });
  relocate(cloud, null, { fly: "joining" });
  return cloud;
}
/** Another configuration of the deployed version: as the file says now. */
export function relocate(cloud: FakeCloud, url: string | null, states: Readonly<Record<string, string>> = {}): void {
  const base = JSON.parse(steady().versions[0]?.config ?? "{}") as { origins: { name: string }[] };
  const origins = ENVIRONMENT.origins.map(({ name, url: right }) => ({
    name,
    url: url ?? right,
    state: states[name] ?? "pool",
  }));
  cloud.versions = cloud.versions.map((version) => ({ ...version, config: JSON.stringify({ ...base, origins }) }));
}
/** The newest version turns out to carry another secret than it says. */
export function tamper(cloud: FakeCloud): void {
  const [newest, ...older] = cloud.versions;
  if (newest) cloud.versions = [{ ...newest, kid: K1 }, ...older];
}
export function meanwhileEach(cloud: FakeCloud, act: (name: string) => void): FakeCloud {
  cloud.checksS1 = false;
  cloud.fault = (_, name) => {
    act(name);
    return null;
  };
  return cloud;
}
/** Probe, switch, proof and the end of the proof are deployed: the rotation looks once more. */
export const proven = ({ log }: FakeCloud): boolean => log.filter((name) => name === "worker: deploy").length >= 4;
