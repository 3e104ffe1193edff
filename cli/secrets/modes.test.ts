import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { kidOf, parseSecret } from "../../contract/gateway-secret.ts";
import { FakeCloud, type FaultKind } from "../test/fake-cloud.ts";
import { converge, holderOf, live, type Ending } from "../test/fake-run.ts";
import { originNamed } from "../test/wraps.ts";
import { emergency } from "./emergency.ts";
import { phaseOf } from "./phase.ts";
import { restore } from "./restore.ts";
import { rollback } from "./rollback.ts";

const K0 = "00000000000000aa";
const installed = (seed = 3): FakeCloud => new FakeCloud({ seed }).steady(K0).withJournal();
const stealing = (cloud: FakeCloud) => {
  const holder = holderOf(cloud);
  return holder === undefined ? {} : { steal: holder };
};
const errorOf = (ending: Ending) => (ending.kind === "stopped" ? ending.error : ending.kind);

/** Kills a run when it comes to the drain, so that both secrets are valid. */
async function lingering(): Promise<FakeCloud> {
  const cloud = installed();
  cloud.fault = (_, name) => (name === "github: write live" ? "kill-before" : null);
  expect((await live(cloud, { id: "dies" })).kind).toBe("killed");
  cloud.fault = () => null;
  return cloud;
}

describe("secrets rotate --emergency", () => {
  it.each(["fast", "now"] as const)(
    "%s leaves only the new secret, GitHub too, and tells when each origin was dead",
    async (mode) => {
      const cloud = installed();
      cloud.checksS1 = false;
      const ending = await live(cloud, { id: mode, work: (run) => emergency(run, mode) });
      expect(errorOf(ending)).toBe("done");
      expect(cloud.residue()).toBeNull();
      cloud.pass(10_000);
      expect(cloud.sendable()).not.toContain(K0);
      if (ending.kind === "done") {
        expect(ending.phase.name).toBe("STEADY");
        expect(Object.keys(ending.run.result.proof)).toEqual(expect.arrayContaining(["koyeb", "fly"]));
      }
    },
  );

  it.each(["fast", "now"] as const)(
    "%s kills at the origins that it can reach, names the other as NOT DEAD and exits 5",
    async (mode) => {
      const cloud = installed();
      cloud.checksS1 = false;
      const fly = cloud.origins.find((origin) => origin.name === "fly")!;
      fly.down = true;
      const ending = await live(cloud, { id: mode, work: (run) => emergency(run, mode) });
      expect(ending).toMatchObject({ kind: "stopped", error: { code: "ERR_NOT_DEAD", exitCode: 5 } });
      if (ending.kind === "stopped") {
        expect(ending.error.message).toContain("fly");
        expect(ending.run.result.proof["fly"]).toBe("NOT DEAD");
        expect(ending.run.result.proof["koyeb"]).toMatch(/^dead after \d+ s$/);
      }
    },
  );

  it.each(["fast", "now"] as const)(
    "%s never calls a quarantined origin dead, and kills at the others",
    async (mode) => {
      const cloud = installed();
      cloud.checksS1 = false;
      cloud.origins[1]!.state = "quarantined";
      const ending = await live(cloud, { id: mode, emergency: mode });
      expect(ending).toMatchObject({
        kind: "stopped",
        error: { code: "ERR_NOT_DEAD", exitCode: 5, message: `${K0} may still be accepted at fly` },
        run: { result: { proof: { fly: "NOT DEAD", koyeb: expect.stringMatching(/^dead after \d+ s$/) as unknown } } },
      });
    },
  );

  it.each(["fast", "now"] as const)("%s does not wait for an origin at which nothing runs", async (mode) => {
    const cloud = installed();
    cloud.checksS1 = false;
    const started = cloud.now;
    const ending = await live(cloud, {
      id: mode,
      emergency: mode,
      wrap: originNamed("fly", () => ({
        roll: async () => undefined,
        look: async () => ({ ok: true as const, instances: [], config: null }),
      })),
    });
    expect(ending).toMatchObject({
      kind: "stopped",
      error: { code: "ERR_NOT_DEAD", exitCode: 5, message: `${K0} may still be accepted at fly` },
      run: { result: { proof: { koyeb: expect.stringMatching(/^dead after \d+ s$/) as unknown } } },
    });
    expect(cloud.now - started).toBeLessThan(60_000);
  });

  it.each(["fast", "now"] as const)("%s never calls dead what it cannot see", async (mode) => {
    const cloud = installed();
    cloud.checksS1 = false;
    // Fly.io does not answer from the moment in which its instances would show that the secret is dead.
    const ending = await live(cloud, {
      id: mode,
      emergency: mode,
      wrap: originNamed("fly", (origin) => ({
        look: async () => {
          const look = await origin.look();
          const unseen = !JSON.stringify(look).includes(`"${K0}"`);
          return unseen ? { ok: false, reason: "its API does not answer" } : look;
        },
      })),
    });
    expect(ending).toMatchObject({
      kind: "stopped",
      error: { code: "ERR_NOT_DEAD", exitCode: 5, message: `${K0} may still be accepted at fly` },
    });
  });

  it.each(["fast", "now"] as const)("%s goes on while GitHub is silent, says so and exits 5", async (mode) => {
    const cloud = installed();
    cloud.checksS1 = false;
    cloud.fault = (_, name) => (/^git(hub)?:/.test(name) ? "error" : null);
    const notes: string[] = [];
    const ending = await live(cloud, { id: mode, emergency: mode, notes });
    expect(ending).toMatchObject({ kind: "stopped", error: { code: "ERR_PARTIAL", exitCode: 5 } });
    expect(notes[0]).toBe("going on without lock and journal: fake: git: read ref failed");
    for (const origin of cloud.origins) {
      expect(origin.config).not.toMatchObject({ a: K0 });
      for (const { kids } of origin.instances) expect(JSON.stringify(kids)).not.toContain(`"${K0}"`);
    }
    cloud.pass(10_000);
    expect(cloud.sendable()).not.toContain(K0);
    // GitHub is back: the same command again finishes what is left.
    cloud.fault = () => null;
    expect(errorOf(await live(cloud, { id: "again", emergency: mode }))).toBe("done");
    expect(cloud.residue()).toBeNull();
  });

  it.each(["fast", "now"] as const)("%s goes on when GitHub falls silent at any of its calls", async (mode) => {
    const clean = installed();
    clean.checksS1 = false;
    await live(clean, { id: "clean", emergency: mode });
    const calls = clean.log.filter((name) => name.startsWith("git:")).length;
    // The last calls give the lock back: a lock that stays is proven dead by the next run.
    for (let n = 2; n <= calls - 4; n += 3) {
      const cloud = installed();
      cloud.checksS1 = false;
      let met = 0;
      cloud.fault = (_, name) => (name.startsWith("git:") && ++met >= n ? "error" : null);
      const ending = await live(cloud, { id: "silent", emergency: mode });
      expect({ n, ending: ending.kind === "stopped" ? ending.error.exitCode : ending.kind }).toEqual({ n, ending: 5 });
      for (const origin of cloud.origins) expect(JSON.stringify(origin)).not.toContain(`"${K0}"`);
    }
  });

  it("overwrites an orphan too, because a leaked candidate counts as leaked", async () => {
    const cloud = installed();
    cloud.fault = (_, name) => (name === "worker: upload" ? "kill-before" : null);
    await live(cloud, { id: "dies" });
    cloud.fault = () => null;
    cloud.checksS1 = false;
    expect(errorOf(await live(cloud, { id: "now", ...stealing(cloud), work: (run) => emergency(run, "now") }))).toBe(
      "done",
    );
    expect(cloud.residue()).toBeNull();
  });

  it.each(["fast", "now"] as const)("%s converges when it is hit at any call", async (mode) => {
    const clean = installed();
    clean.checksS1 = false;
    const start = clean.calls;
    await live(clean, { id: "clean", work: (run) => emergency(run, mode) });
    const calls = clean.calls - start;
    for (const kind of ["kill-before", "kill-after", "lost"] satisfies FaultKind[]) {
      for (let n = 1; n <= calls; n += 2) {
        const cloud = installed();
        cloud.checksS1 = false;
        const from = cloud.calls;
        cloud.fault = (call) => (call === from + n ? kind : null);
        await live(cloud, { id: "hit", work: (run) => emergency(run, mode) });
        cloud.fault = () => null;
        for (let i = 0; i < 4 && (i === 0 || cloud.residue() !== null || holderOf(cloud) !== undefined); i++) {
          await live(cloud, { id: `again-${i}`, ...stealing(cloud), work: (run) => emergency(run, mode) });
        }
        expect({ mode, kind, n, residue: cloud.residue(), lock: holderOf(cloud) }).toEqual({
          mode,
          kind,
          n,
          residue: null,
          lock: undefined,
        });
      }
    }
  });
});

describe("secrets rollback", () => {
  it("makes the old secret live again without a value, then proves the newer one dead", async () => {
    const cloud = await lingering();
    const newer = cloud.sendable().find((kid) => kid !== K0)!;
    const ending = await live(cloud, { id: "back", ...stealing(cloud), work: rollback });
    expect(errorOf(ending)).toBe("done");
    expect(cloud.sendable()).toEqual([K0]);
    expect(cloud.residue()).toBeNull();
    expect(cloud.violation).toBeNull();
    expect(cloud.sendable()).not.toContain(newer);
  });

  it("changes no code: what was deployed meanwhile stays", async () => {
    const cloud = await lingering();
    cloud.foreignDeploy();
    const code = cloud.versions[0]!.etag;
    expect(errorOf(await live(cloud, { id: "back", ...stealing(cloud), work: rollback }))).toBe("done");
    expect(cloud.versions.find((version) => version.id === cloud.deployment[0]!.versionId)!.etag).toBe(code);
    expect(cloud.violation).toBeNull();
  });

  it("is refused once retirement has begun, with the reason", async () => {
    const cloud = installed();
    cloud.fault = (_, name) =>
      name === "koyeb: redeploy" && cloud.origins[0]!.config.a?.startsWith("revoked") ? "kill-after" : null;
    await live(cloud, { id: "dies" });
    cloud.fault = () => null;
    const ending = await live(cloud, { id: "back", ...stealing(cloud), work: rollback });
    expect(ending).toMatchObject({ kind: "stopped", error: { code: "ERR_REFUSED", exitCode: 3 } });
    if (ending.kind === "stopped") expect(ending.error.message).toContain("going back would break all traffic");
    await converge(cloud, "finish");
    expect(cloud.residue()).toBeNull();
    const after = await live(cloud, { id: "late", work: rollback });
    expect(after).toMatchObject({ kind: "stopped", error: { code: "ERR_REFUSED" } });
  });

  it("keeps S1 and S2 and converges when it is hit at any call", async () => {
    const clean = await lingering();
    const start = clean.calls;
    await live(clean, { id: "clean", ...stealing(clean), work: rollback });
    const calls = clean.calls - start;
    for (const kind of ["kill-before", "kill-after", "lost"] satisfies FaultKind[]) {
      for (let n = 1; n <= calls; n += 4) {
        const cloud = await lingering();
        const from = cloud.calls;
        cloud.fault = (call) => (call === from + n ? kind : null);
        await live(cloud, { id: "hit", ...stealing(cloud), work: rollback });
        cloud.fault = () => null;
        await converge(cloud, "again");
        expect({ kind, n, violation: cloud.violation, residue: cloud.residue() }).toEqual({
          kind,
          n,
          violation: null,
          residue: null,
        });
      }
    }
  });
});

describe("secrets rotate --clean", () => {
  it("gives up a candidate that a dead run left, at every stage before the switch", async () => {
    for (const last of ["koyeb: redeploy", "worker: upload", "worker: probe"]) {
      const cloud = installed();
      cloud.fault = (_, name) => (name === last ? "kill-after" : null);
      await live(cloud, { id: "dies" });
      cloud.fault = () => null;
      expect(errorOf(await live(cloud, { id: "clean", clean: true, ...stealing(cloud) }))).toBe("done");
      expect({ last, live: cloud.sendable(), residue: cloud.residue(), violation: cloud.violation }).toEqual({
        last,
        live: [K0],
        residue: null,
        violation: null,
      });
    }
  });
});

describe("secrets rotate --init", () => {
  it("converges when it is hit at any call", async () => {
    const empty = () => {
      const cloud = new FakeCloud({
        origins: [
          { name: "koyeb", kind: "koyeb", instances: 0 },
          { name: "fly", kind: "fly", instances: 0 },
        ],
      });
      cloud.versions = [
        { id: "v1", number: 1, kid: null, annotatedKid: null, annotatedFrom: null, annotatedRun: null, etag: "code-0" },
      ];
      cloud.deployment = [{ versionId: "v1", percentage: 100 }];
      return cloud;
    };
    const clean = empty();
    await live(clean, { id: "clean", init: true });
    for (const kind of ["kill-before", "kill-after", "lost"] satisfies FaultKind[]) {
      for (let n = 1; n <= clean.calls; n++) {
        const cloud = empty();
        cloud.fault = (call) => (call === n ? kind : null);
        await live(cloud, { id: "hit", init: true });
        cloud.fault = () => null;
        for (let i = 0; i < 3; i++) await live(cloud, { id: `again-${i}`, init: true, ...stealing(cloud) });
        const [kid] = cloud.sendable();
        const held = [cloud.vault.a.kid, ...cloud.origins.map((origin) => origin.config.a)];
        expect({ kind, n, kid: typeof kid, held }).toEqual({ kind, n, kid: "string", held: [kid, kid, kid] });
      }
    }
  });
});

/** A real value, as a workflow job would hold it. */
async function value(): Promise<{ text: string; kid: string }> {
  const text = randomBytes(32).toString("hex");
  const parsed = parseSecret(text);
  if (!parsed.ok) throw new TypeError("not random");
  return { text, kid: await kidOf(parsed.value) };
}
const ZERO = "revoked:0000000000000000";

describe("adopting a lone GATEWAY_SECRET", () => {
  async function legacy(kid: string): Promise<FakeCloud> {
    const cloud = new FakeCloud({}).steady(kid);
    for (const origin of cloud.origins) {
      origin.config = { a: null, b: null };
      origin.legacy = kid;
      for (const instance of origin.instances) instance.kids = { legacy: kid };
    }
    cloud.vault = { a: { kid: null, updatedAt: null }, b: { kid: null, updatedAt: null } };
    cloud.checksS2 = false; // GitHub never held it in a slot
    return cloud;
  }
  it("moves it to slot A without changing what is accepted, then rotates", async () => {
    const { text, kid } = await value();
    const cloud = await legacy(kid);
    expect(errorOf(await live(cloud, { id: "adopt", env: { GATEWAY_SECRET: text } }))).toBe("done");
    expect(cloud.residue()).toBeNull();
    expect(cloud.violation).toBeNull();
    expect(cloud.sendable()).not.toContain(kid);
  });
  it("stops with exit 2 when the job does not have the value that is in use", async () => {
    const { kid } = await value();
    const cloud = await legacy(kid);
    expect(await live(cloud, { id: "none" })).toMatchObject({ kind: "stopped", error: { exitCode: 2 } });
    expect(await live(cloud, { id: "other", env: { GATEWAY_SECRET: (await value()).text } })).toMatchObject({
      kind: "stopped",
      error: { exitCode: 2 },
    });
  });
});

describe("secrets restore", () => {
  async function broken() {
    const { text, kid } = await value();
    const cloud = new FakeCloud({}).steady(kid).withJournal();
    const koyeb = cloud.origins[0]!;
    koyeb.config = { a: ZERO, b: ZERO };
    for (const instance of koyeb.instances) instance.kids = { a: ZERO, b: ZERO };
    cloud.checksS1 = false;
    return { cloud, text, kid, env: { GATEWAY_SECRET_A: text, GATEWAY_SECRET_B: ZERO } };
  }
  it("fills an origin that lost its slots with exactly what the others accept", async () => {
    const { cloud, env } = await broken();
    const ending = await live(cloud, { id: "restore", env, work: (run) => restore(run, "koyeb") });
    expect(errorOf(ending)).toBe("done");
    expect(cloud.residue()).toBeNull();
  });
  it("refuses values that would change what is accepted", async () => {
    const [own, stranger] = [await value(), await value()];
    const lostOne = (await broken()).cloud;
    const whole = new FakeCloud({}).steady(own.kid).withJournal();
    for (const [cloud, a, b] of [
      [lostOne, stranger.text, ZERO],
      [whole, own.text, stranger.text],
      [whole, stranger.text, ZERO],
    ] as const) {
      const before = cloud.origins[0]?.config;
      const env = { GATEWAY_SECRET_A: a, GATEWAY_SECRET_B: b };
      const ending = await live(cloud, { id: "restore", env, work: (run) => restore(run, "koyeb") });
      expect(ending).toMatchObject({ kind: "stopped", error: { code: "ERR_REFUSED", exitCode: 3 } });
      expect(cloud.origins[0]?.config).toEqual(before);
    }
  });
  it("refuses a target that is no hole", async () => {
    const { cloud, env, kid } = await broken();
    const other = await value();
    for (const instance of cloud.origins[0]!.instances) instance.kids = { a: kid, b: other.kid };
    cloud.origins[0]!.config = { a: kid, b: other.kid };
    const ending = await live(cloud, { id: "restore", env, work: (run) => restore(run, "koyeb") });
    expect(ending).toMatchObject({ kind: "stopped", error: { code: "ERR_REFUSED" } });
  });
  it("gives an origin that refuses the live secret that secret, whatever else it holds", async () => {
    const { cloud, env, kid } = await broken();
    const other = await value();
    const [koyeb] = cloud.origins;
    koyeb!.config = { a: other.kid, b: ZERO };
    for (const instance of koyeb!.instances) instance.kids = { a: other.kid, b: ZERO };
    const ending = await live(cloud, { id: "restore", env, work: (run) => restore(run, "koyeb") });
    expect(ending).toMatchObject({ kind: "done", phase: { name: "STEADY" } });
    expect(koyeb!.config).toEqual({ a: kid, b: ZERO });
  });
  it("asks for both slots and names the one that is missing", async () => {
    const { cloud, text } = await broken();
    const ending = await live(cloud, {
      id: "restore",
      env: { GATEWAY_SECRET_A: text },
      work: (run) => restore(run, "koyeb"),
    });
    expect(ending).toMatchObject({ kind: "stopped", error: { code: "ERR_SECRET_SHAPE", exitCode: 2 } });
    if (ending.kind === "stopped") expect(ending.error.message).toContain("GATEWAY_SECRET_B is unset");
  });
  it("gives a Worker that lost its binding the secret that the origins accept", async () => {
    const { text, kid } = await value();
    const cloud = new FakeCloud({}).steady(kid).withJournal();
    cloud.versions = [
      {
        ...cloud.versions[0]!,
        id: "v9",
        number: 9,
        kid: null,
        annotatedKid: null,
        annotatedFrom: null,
        annotatedRun: null,
      },
    ];
    cloud.deployment = [{ versionId: "v9", percentage: 100 }];
    const ending = await live(cloud, {
      id: "restore",
      env: { GATEWAY_SECRET_A: text, GATEWAY_SECRET_B: ZERO },
      work: (run) => restore(run, "worker"),
    });
    expect(errorOf(ending)).toBe("done");
    expect(cloud.sendable()).toEqual([kid]);
  });
});

describe("a live slot that is gone from a configuration", () => {
  const KOYEB_FLY = ["koyeb", "fly"] as const;
  /** Deleted, or overwritten by somebody, at one origin; `begun`: while a dead run's candidate waits in the spare slots. */
  async function lost(name: (typeof KOYEB_FLY)[number], content: string | null, begun: boolean) {
    const { text, kid } = await value();
    const cloud = new FakeCloud({}).steady(kid).withJournal();
    if (begun) {
      cloud.fault = (_, called) => (called === "worker: upload" ? "kill-before" : null);
      await live(cloud, { id: "dies" });
      cloud.fault = () => null;
      cloud.pass(10_000);
    }
    const origin = cloud.origins.find((candidate) => candidate.name === name)!;
    origin.config = { ...origin.config, a: content };
    origin.configChanged = true;
    return { cloud, kid, origin, env: { GATEWAY_SECRET_A: text, GATEWAY_SECRET_B: cloud.vault.b.kid ?? ZERO } };
  }
  const cases = KOYEB_FLY.flatMap((name) =>
    [null, "00000000000000ee"].flatMap((content) => [false, true].map((begun) => [name, content, begun] as const)),
  );
  it.each(cases)(
    "stops every rotation before anything is rolled out, and one restore fills it: %s, %s, begun %s",
    async (name, content, begun) => {
      const { cloud, kid, env } = await lost(name, content, begun);
      cloud.log.length = 0;
      for (const mode of [{}, { clean: true }]) {
        const ending = await live(cloud, { id: "no", ...mode, ...stealing(cloud) });
        expect(ending).toMatchObject({ kind: "stopped", error: { code: "ERR_PHASE" } });
        expect(String(errorOf(ending))).toContain(`${kid} is gone from ${name} configuration`);
      }
      expect(cloud.log.filter((call) => /write|redeploy|fly: update|upload|deploy$/.test(call))).toEqual([]);
      // GitHub hands the candidate out as a value; a kid stands for it here, so only the live slot is given.
      const given = { ...env, GATEWAY_SECRET_B: ZERO };
      const restored = await live(cloud, { id: "restore", env: given, work: (run) => restore(run, name) });
      expect(errorOf(restored)).toBe("done");
      expect(cloud.violation).toBeNull();
      await converge(cloud, "after");
      expect({ violation: cloud.violation, residue: cloud.residue() }).toEqual({ violation: null, residue: null });
    },
  );

  it("is not filled with anything but what is missing", async () => {
    const { cloud } = await lost("fly", null, false);
    const env = { GATEWAY_SECRET_A: (await value()).text, GATEWAY_SECRET_B: ZERO };
    const ending = await live(cloud, { id: "restore", env, work: (run) => restore(run, "fly") });
    expect(ending).toMatchObject({ kind: "stopped", error: { code: "ERR_REFUSED", exitCode: 3 } });
    expect(cloud.origins[1]!.config.a).toBeNull();
  });
});

describe("a Worker that sends what no origin accepts", () => {
  it("gets its secret back without a value where an uploaded version carries it, with the code that is deployed", async () => {
    for (const kid of [null, "00000000000000ee"]) {
      const cloud = installed();
      cloud.checksS1 = false;
      cloud.foreignDeploy();
      cloud.versions = cloud.versions.map((version, i) => (i === 0 ? { ...version, kid } : version));
      cloud.pass(10_000);
      const ending = await live(cloud, { id: "restore", work: (run) => restore(run, "worker") });
      expect(errorOf(ending)).toBe("done");
      cloud.pass(10_000);
      expect({ live: cloud.sendable(), code: cloud.wrongCode() }).toEqual({ live: [K0], code: null });
    }
  });
});

describe("a new origin", () => {
  it("gets its first secret in a rotation while it is joining, and is verified like the others", async () => {
    const cloud = new FakeCloud({
      origins: [
        { name: "koyeb", kind: "koyeb", instances: 1 },
        { name: "fly", kind: "fly", instances: 1 },
        { name: "third", kind: "fly", instances: 1, state: "joining" },
      ],
    })
      .steady(K0)
      .withJournal();
    cloud.origins[2]!.config = { a: ZERO, b: ZERO };
    for (const instance of cloud.origins[2]!.instances) instance.kids = { a: ZERO, b: ZERO };
    const ending = await live(cloud, { id: "join" });
    expect(errorOf(ending)).toBe("done");
    expect(cloud.violation).toBeNull();
    expect(cloud.residue()).toBeNull();
    expect(cloud.origins[2]!.config.b).toBe(cloud.sendable()[0]);
  });
});

describe("an interrupt", () => {
  it("stops before the next remote call and gives the lock back", async () => {
    for (let at = 5; at < 60; at += 9) {
      const cloud = installed();
      const controller = new AbortController();
      const start = cloud.calls;
      cloud.fault = (call) => {
        if (call === start + at) controller.abort();
        return null;
      };
      await live(cloud, { id: "interrupted", signal: controller.signal }).catch(() => null);
      expect({ at, lock: holderOf(cloud), violation: cloud.violation }).toEqual({
        at,
        lock: undefined,
        violation: null,
      });
      cloud.fault = () => null;
      await converge(cloud, "again");
      expect(cloud.residue()).toBeNull();
    }
  });
});

// `phaseOf` is what every mode starts from; an unknown world must not make it throw.
it("phaseOf never throws on an empty world", () => {
  const nothing = {
    names: { present: ["worker"] },
    worker: { versions: [], deployments: [], deployment: [], observed: {}, blind: null, lost: null },
    origins: [],
    vault: { a: null, b: null },
    journal: {
      dead: [],
      proven: true,
      abandoned: [],
      running: false,
      candidateAgeMs: null,
      initUnfinished: false,
      live: null,
    },
    evidence: { probedVersion: null, drainedKid: null },
  };
  expect(phaseOf(nothing).name).toBe("BLIND");
  expect(phaseOf({ ...nothing, names: { present: ["github"] } }).name).toBe("UNSET");
});
