/** What a rotation takes for evidence, and what becomes of it when the evidence is taken away. */
import { describe, expect, it } from "vitest";
import { FakeCloud } from "../test/fake-cloud.ts";
import { DRAIN, converge, live } from "../test/fake-run.ts";
import type { Targets } from "../targets/types.ts";
import { emergency } from "./emergency.ts";

const K0 = "00000000000000aa";
const installed = (): FakeCloud =>
  new FakeCloud({
    origins: [
      { name: "koyeb", kind: "koyeb" },
      { name: "fly", kind: "fly" },
    ],
  })
    .steady(K0)
    .withJournal();

/** Virtual times of the switch and of the first tombstone. Unit: milliseconds. */
async function drained(cloud: FakeCloud, drain = DRAIN) {
  let switched = 0;
  let retired = 0;
  cloud.fault = (_, name) => {
    if (switched === 0 && cloud.deployment.length === 1 && cloud.liveId !== "v1") switched = cloud.now;
    if (retired === 0 && switched > 0 && name === "koyeb: write a") retired = cloud.now;
    return null;
  };
  const ending = await live(cloud, { id: "run", drain });
  cloud.fault = () => null;
  return { ending, quietMs: retired - switched };
}

describe("the probe before a switch", () => {
  it.each([
    ["the new secret", "v2", "fly"],
    ["the new secret", "v2", "koyeb"],
    ["the live secret", "v1", "fly"],
  ])("stops the run when an origin refuses %s: %s at %s", async (_, refused, at) => {
    const cloud = installed();
    const refusing = (targets: Targets): Targets => ({
      ...targets,
      worker: {
        ...targets.worker,
        probe: async (version, origin) => {
          const report = await targets.worker.probe(version, origin);
          return report?.observation && version === refused && origin === at
            ? { ...report, observation: { ...report.observation, accepted: false } }
            : report;
        },
      },
    });
    expect(await live(cloud, { id: "refused", wrap: refusing })).toMatchObject({
      kind: "stopped",
      error: { code: "ERR_MISMATCH", message: `${at} refuses the secret of Worker version ${refused}` },
    });
    expect(cloud.liveId).toBe("v1");
  });

  it("stops the run when the new version sends another secret than the one that was made", async () => {
    const cloud = installed();
    const other = (targets: Targets): Targets => ({
      ...targets,
      worker: {
        ...targets.worker,
        look: async (known) => {
          const look = await targets.worker.look(known);
          return look.observed["v2"] === undefined ? look : { ...look, observed: { ...look.observed, v2: K0 } };
        },
      },
    });
    const ending = await live(cloud, { id: "other", wrap: other });
    expect(ending).toMatchObject({
      kind: "stopped",
      error: { code: "ERR_MISMATCH", message: expect.stringContaining(`Worker version v2 sends ${K0}, not `) },
    });
    expect(cloud.liveId).toBe("v1");
  });
});

describe("a drain", () => {
  it("waits as long as an edge location still sends the old secret, far beyond the quiet time", async () => {
    const cloud = installed();
    cloud.lagMs = 20_000;
    const { ending, quietMs } = await drained(cloud);
    expect(ending.kind).toBe("done");
    expect(cloud.violation).toBeNull();
    expect(quietMs).toBeGreaterThanOrEqual(24_000);
  });

  it("gives up after its longest time where an edge location lags for an hour, with both secrets valid and no word of a leak", async () => {
    const cloud = installed();
    cloud.lagMs = 3_600_000;
    const notes: string[] = [];
    const ending = await live(cloud, { id: "lag", notes });
    expect(ending).toMatchObject({ kind: "stopped", error: { code: "ERR_PARTIAL", exitCode: 5 } });
    const { message, hint } = ending.kind === "stopped" ? ending.error : { message: "", hint: "" };
    expect(message).toContain(`the old secret ${K0} is still in use after 60 s; both secrets stay valid`);
    expect(message).toContain("the gateway itself answered with the old version");
    expect(`${message} ${hint} ${notes.join(" ")}`).not.toMatch(/leak|ALARM/);
    expect(hint).toContain("mcpist secrets rotate --emergency fast");
    cloud.pass(3_600_000);
    await converge(cloud, "later");
    expect({ violation: cloud.violation, residue: cloud.residue() }).toEqual({ violation: null, residue: null });
  });

  it("names somebody outside the gateway's platform as a leak, at once and at the end", async () => {
    const cloud = installed();
    cloud.strangers = [{ kid: K0, peer: "outside" }];
    const notes: string[] = [];
    const ending = await live(cloud, { id: "thief", notes });
    expect(ending).toMatchObject({ kind: "stopped", error: { exitCode: 5 } });
    const { message, hint } = ending.kind === "stopped" ? ending.error : { message: "", hint: "" };
    expect(message).toContain("from outside the gateway's platform");
    expect(hint).toContain("treat it as leaked: mcpist secrets rotate --emergency fast");
    expect(
      notes.filter((note) => note.startsWith(`ALARM: ${K0} is used by somebody who is not the gateway`)),
    ).toHaveLength(1);
    cloud.checksS1 = false;
    const ended = await live(cloud, { id: "end", work: (run) => emergency(run, "fast") });
    expect(ended.kind).toBe("done");
    expect(cloud.residue()).toBeNull();
  });

  it("calls nobody a leak who comes from the gateway's own platform", async () => {
    const cloud = installed();
    cloud.strangers = [{ kid: K0, peer: "inside" }];
    const ending = await live(cloud, { id: "neighbour" });
    const { message, hint } = ending.kind === "stopped" ? ending.error : { message: "", hint: "" };
    expect(message).toContain("it cannot be told from whom");
    expect(`${message} ${hint}`).not.toContain("leaked");
  });

  it("takes its minimum age where nothing is sent at all: silence is no evidence", async () => {
    const cloud = installed();
    cloud.lagMs = 20_000;
    // Nobody asks, so no instance can report a use, and the gateway answers from an edge that knows the new version.
    cloud.busy = () => false;
    const near = (targets: Targets): Targets => ({
      ...targets,
      worker: { ...targets.worker, answers: () => Promise.resolve(null) },
    });
    const ending = await live(cloud, { id: "idle", drain: { ...DRAIN, minAge: 25_000 }, wrap: near });
    expect(ending.kind).toBe("done");
    expect(cloud.violation).toBeNull();
  });

  it("waits while the gateway itself answers with the old version, although nothing is sent: its next request may be", async () => {
    const cloud = installed();
    cloud.lagMs = 20_000;
    cloud.busy = () => false;
    let answered = 0;
    const lagging = (targets: Targets): Targets => ({
      ...targets,
      worker: {
        ...targets.worker,
        answers: () => {
          if (cloud.liveId === "v1" || cloud.deployment.length > 1) return Promise.resolve(K0);
          answered ||= cloud.now;
          return Promise.resolve(cloud.now - answered < 20_000 ? K0 : null);
        },
      },
    });
    const ending = await live(cloud, { id: "edge", drain: DRAIN, wrap: lagging });
    expect({ kind: ending.kind, violation: cloud.violation }).toEqual({ kind: "done", violation: null });
  });

  it("begins again with an instance that is new: it does not remember what the one before accepted", async () => {
    const cloud = installed();
    cloud.lagMs = 9000;
    const near = (targets: Targets): Targets => ({
      ...targets,
      worker: { ...targets.worker, answers: () => Promise.resolve(null) },
    });
    let switchedAt = 0;
    let replaced = false;
    // Something is sent right after the switch and then only much later, by an edge location that lags.
    cloud.busy = (now) => switchedAt === 0 || now - switchedAt < 500;
    cloud.event = () => {
      if (switchedAt === 0 && cloud.deployment.length === 1 && cloud.liveId !== "v1") switchedAt = cloud.now;
      if (switchedAt === 0 || replaced || cloud.now - switchedAt < 3800) return;
      replaced = true;
      for (const origin of cloud.origins) cloud.replaceInstance(origin);
    };
    const ending = await live(cloud, { id: "new", drain: { minAge: 2000, quiet: 5500, max: 60_000 }, wrap: near });
    expect({ kind: ending.kind, replaced, violation: cloud.violation }).toEqual({
      kind: "done",
      replaced: true,
      violation: null,
    });
  });
});

describe("the end of a rotation", () => {
  it("remembers what it retired: the same secret is an alarm when it is accepted again", async () => {
    const cloud = installed();
    await live(cloud, { id: "first" });
    const fly = cloud.origins[1]!;
    fly.config = { ...fly.config, a: K0 };
    for (const instance of fly.instances) instance.kids = { ...fly.config };
    const notes: string[] = [];
    expect((await live(cloud, { id: "second", notes })).kind).toBe("done");
    expect(notes.join("\n")).toContain(`ALARM: ${K0} was retired and is back at fly`);
  });

  it("is not reached while an origin accepts the old secret that is sent to prove its end", async () => {
    const cloud = installed();
    const accepting = (targets: Targets): Targets => ({
      ...targets,
      worker: {
        ...targets.worker,
        probe: async (version, origin) => {
          const report = await targets.worker.probe(version, origin);
          const accepts = version === "v1" && origin === "fly";
          return report?.observation && accepts
            ? { ...report, observation: { ...report.observation, accepted: true } }
            : report;
        },
      },
    });
    expect(await live(cloud, { id: "accepts", wrap: accepting })).toMatchObject({
      kind: "stopped",
      error: { code: "ERR_MISMATCH", message: `fly still accepts ${K0}` },
    });
  });

  it("proves nothing through a version that sends another secret than the one that was retired", async () => {
    const cloud = installed();
    const other = (targets: Targets): Targets => ({
      ...targets,
      worker: {
        ...targets.worker,
        look: async (known) => {
          const look = await targets.worker.look(known);
          const zero = look.deployment.find(({ percentage, versionId }) => percentage === 0 && versionId === "v1");
          return zero ? { ...look, observed: { ...look.observed, v1: "00000000000000ff" } } : look;
        },
      },
    });
    const ending = await live(cloud, { id: "other", wrap: other });
    expect(ending).toMatchObject({ kind: "stopped", error: { code: "ERR_MISMATCH" } });
    expect(ending.kind === "stopped" && ending.error.message).toBe(
      `Worker version v1 sends 00000000000000ff, not ${K0}`,
    );
    expect([...cloud.commits.values()].some(({ message }) => message.startsWith("mcpist: dead"))).toBe(false);
  });
});

describe("an emergency", () => {
  it.each(["fast", "now"] as const)("does not take an origin for dead that is quarantined: %s", async (mode) => {
    const cloud = installed();
    cloud.origins[1]!.state = "quarantined";
    cloud.checksS1 = false;
    const ending = await live(cloud, { id: mode, work: (run) => emergency(run, mode) });
    expect(ending).toMatchObject({ kind: "stopped", error: { code: "ERR_NOT_DEAD", exitCode: 5 } });
    expect(ending.kind === "stopped" && ending.error.message).toBe(`${K0} may still be accepted at fly`);
    expect(ending.kind === "stopped" && ending.run.result.proof["fly"]).toBe("NOT DEAD");
  });
});
