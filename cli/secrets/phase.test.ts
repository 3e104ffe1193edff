import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isKid } from "../../contract/gateway-secret.ts";
import { acceptedKids } from "../../contract/slots.ts";
import type { InstanceView, OriginLook, WorkerVersion } from "../targets/types.ts";
import type { Observation } from "./observation.ts";
import { phaseOf, type PhaseName } from "./phase.ts";

const [K0, K1, K2] = ["0000000000000001", "1111111111111111", "2222222222222222"] as const;
const ZERO = "revoked:0000000000000000";

const version = (number: number, kid: string | null, from: string | null = null, code = "code"): WorkerVersion => ({
  id: `v${number}`,
  number,
  annotatedKid: kid,
  annotatedFrom: from,
  annotatedRun: kid === null ? null : "run",
  code,
});
const instance = (a: string | null, b: string | null, id = "i"): InstanceView => ({
  id,
  rollout: "r",
  newest: true,
  awake: true,
  kids: { a, b },
  lastAccepted: {},
});
const seen = (a: string | null, b: string | null): OriginLook => ({
  ok: true,
  instances: [instance(a, b)],
  config: { a, b },
});

/** STEADY on K0 in slot A; parts may be replaced. */
function observation(change: {
  worker?: Partial<Observation["worker"]>;
  koyeb?: OriginLook;
  fly?: OriginLook;
  vault?: Observation["vault"];
  journal?: Partial<Observation["journal"]>;
  evidence?: Partial<Observation["evidence"]>;
  names?: Partial<Observation["names"]>;
}): Observation {
  return {
    names: { present: ["worker", "koyeb", "fly", "github"], ...change.names },
    worker: {
      versions: [version(1, K0)],
      deployments: [],
      deployment: [{ versionId: "v1", percentage: 100 }],
      observed: { v1: K0 },
      blind: null,
      lost: null,
      ...change.worker,
    },
    origins: [
      { name: "koyeb", state: "pool", look: change.koyeb ?? seen(K0, ZERO) },
      { name: "fly", state: "pool", look: change.fly ?? seen(K0, ZERO) },
    ],
    vault: change.vault ?? { a: K0, b: ZERO },
    journal: {
      dead: [],
      proven: true,
      abandoned: [],
      running: false,
      candidateAgeMs: null,
      initUnfinished: false,
      live: null,
      ...change.journal,
    },
    evidence: { probedVersion: null, drainedKid: null, ...change.evidence },
  };
}

/** No Worker sends anything and no instance runs, but there are slots. */
const unborn = (change: Parameters<typeof observation>[0]): Observation =>
  observation({
    worker: { versions: [version(1, null)], observed: { v1: null } },
    names: { present: ["koyeb", "fly", "github"] },
    koyeb: { ok: false, reason: "Koyeb has no service", absent: true },
    fly: { ok: true, instances: [], config: null },
    vault: { a: "unknown", b: "unknown" },
    ...change,
  });
/** A version that somebody deployed after ours. */
const by = (live: WorkerVersion, ...older: WorkerVersion[]) => ({
  versions: [live, ...older],
  deployment: [{ versionId: live.id, percentage: 100 }],
});
/** Version 2 was answered with success and replaced by version 3, which this tool deployed. */
const undone = (code: string) => ({
  ...by(version(3, K0), version(2, null, null, code), version(1, K0)),
  observed: { v3: K0 },
  lost: { id: "d2", shares: [{ versionId: "v2", percentage: 100 }], message: "" },
});
const both = seen(K0, K1);
const bothVault = { a: K0, b: K1 };
const uploaded = { versions: [version(2, K1, K0), version(1, K0)] };
const switched = { ...uploaded, deployment: [{ versionId: "v2", percentage: 100 }], observed: { v2: K1 } };
const retired = seen(`revoked:${K0}`, K1);

describe("phase", () => {
  const rows: readonly (readonly [PhaseName, string, Observation])[] = [
    [
      "UNSET",
      "no name exists anywhere",
      observation({ names: { present: [] }, koyeb: { ok: false, reason: "nothing runs" } }),
    ],
    [
      "UNSET",
      "an --init that did not finish",
      observation({
        worker: { observed: { v1: null }, versions: [version(1, null)] },
        journal: { initUnfinished: true },
      }),
    ],
    ["UNSET", "slots that somebody wrote by hand, before anything runs", unborn({})],
    ["BLIND", "the same beside an instance", unborn({ fly: seen(null, null) })],
    ["BLIND", "the same beside an origin that is silent", unborn({ fly: { ok: false, reason: "no answer" } })],
    ["BLIND", "the same where a run has recorded a secret", unborn({ journal: { live: K0 } })],
    ["BLIND", "the same where a run has recorded a dead secret", unborn({ journal: { dead: [K1] } })],
    [
      "BLIND",
      "the same beside a Worker that has a secret of somebody",
      unborn({ names: { present: ["worker", "fly"] } }),
    ],
    ["BLIND", "an origin does not answer", observation({ fly: { ok: false, reason: "no answer" } })],
    ["BLIND", "an origin has no instance", observation({ fly: { ok: true, instances: [], config: null } })],
    ["BLIND", "nothing is deployed", observation({ worker: { deployment: [], observed: {} } })],
    [
      "ASTRAY",
      "the Worker sends nothing, and every origin accepts one secret",
      observation({ worker: { observed: { v2: null }, ...by(version(2, null), version(1, K0)) } }),
    ],
    [
      "ASTRAY",
      "the Worker sends what no origin accepts",
      observation({ worker: { observed: { v2: K2 }, ...by(version(2, null), version(1, K0)) } }),
    ],
    [
      "LOST",
      "the next start of an instance finds no live secret",
      observation({ fly: { ...seen(K0, ZERO), config: null, slots: { a: null, b: ZERO } } as OriginLook }),
    ],
    [
      "LOST",
      "somebody overwrote the live secret, in the middle of a rotation too",
      observation({
        koyeb: both,
        fly: { ...both, config: null, slots: { a: "unknown", b: K1 } } as OriginLook,
        vault: bothVault,
        worker: uploaded,
      }),
    ],
    [
      "STAGING",
      "only the spare slot was overwritten",
      observation({ fly: { ...seen(K0, ZERO), config: null, slots: { a: K0, b: "unknown" } } as OriginLook }),
    ],
    [
      "CANARY",
      "two versions with one secret share the traffic",
      observation({
        worker: {
          versions: [version(2, null), version(1, K0)],
          deployment: [
            { versionId: "v1", percentage: 90 },
            { versionId: "v2", percentage: 10 },
          ],
          observed: { v1: K0, v2: K0 },
        },
      }),
    ],
    ["UNDONE", "a deploy got lost under a write of this tool", observation({ worker: undone("other") })],
    ["STEADY", "what got lost was the same code", observation({ worker: undone("code") })],
    [
      "OUTDATED",
      "the candidate's version has other code than what is deployed",
      observation({
        koyeb: both,
        fly: both,
        vault: bothVault,
        worker: { versions: [version(2, K1, K0, "old"), version(1, K0)] },
      }),
    ],
    [
      "UPLOADED",
      "somebody uploaded after the candidate's version, and deployed nothing",
      observation({
        koyeb: both,
        fly: both,
        vault: bothVault,
        worker: { versions: [version(3, null, null, "preview"), ...uploaded.versions] },
      }),
    ],
    ["UNBACKED", "GitHub is not known to hold the live secret", observation({ vault: { a: "unknown", b: ZERO } })],
    ["UNBACKED", "GitHub lost it", observation({ vault: { a: null, b: ZERO } })],
    [
      "LEGACY",
      "the live secret sits in a lone variable",
      observation({
        koyeb: { ok: true, instances: [{ ...instance(null, null), kids: { legacy: K0 } }], config: null },
      }),
    ],
    ["FORKED", "an instance refuses what the Worker sends", observation({ fly: seen(K1, ZERO) })],
    [
      "FORKED",
      "a configuration refuses what the Worker sends",
      observation({ fly: { ok: true, instances: [instance(K0, ZERO)], config: { a: ZERO, b: ZERO } } }),
    ],
    ["RESURRECTED", "a dead kid is accepted somewhere", observation({ fly: seen(K0, K2), journal: { dead: [K2] } })],
    [
      "RESURRECTED",
      "the latest upload carries a dead kid",
      observation({ worker: { versions: [version(2, K2), version(1, K0)] }, journal: { dead: [K2] } }),
    ],
    ["MISALIGNED", "the live secret sits in two different slots", observation({ fly: seen(ZERO, K0) })],
    [
      "UNBACKED",
      "GitHub holds it in the other slot, so a restore from there would misplace it",
      observation({ vault: { a: ZERO, b: K0 } }),
    ],
    [
      "SPLIT",
      "two versions with different secrets share the traffic",
      observation({
        koyeb: both,
        fly: both,
        vault: bothVault,
        worker: {
          ...uploaded,
          deployment: [
            { versionId: "v1", percentage: 60 },
            { versionId: "v2", percentage: 40 },
          ],
          observed: { v1: K0, v2: K1 },
        },
      }),
    ],
    ["LINGERING", "switched, not drained", observation({ koyeb: both, fly: both, vault: bothVault, worker: switched })],
    [
      "DRAINED",
      "switched and drained",
      observation({ koyeb: both, fly: both, vault: bothVault, worker: switched, evidence: { drainedKid: K0 } }),
    ],
    [
      "LINGERING",
      "retirement begun by a dead run: drained again first",
      observation({ koyeb: retired, fly: both, vault: bothVault, worker: switched }),
    ],
    [
      "RETIRING",
      "retirement begun and drained",
      observation({ koyeb: retired, fly: both, vault: bothVault, worker: switched, evidence: { drainedKid: K0 } }),
    ],
    ["ORPHAN", "a candidate that was given up", observation({ koyeb: both, journal: { abandoned: [K1] } })],
    [
      "ORPHAN",
      "a candidate older than a day",
      observation({ koyeb: both, journal: { candidateAgeMs: 25 * 3_600_000 } }),
    ],
    [
      "STAGING",
      "an old candidate of a living run",
      observation({ koyeb: both, journal: { candidateAgeMs: 25 * 3_600_000, running: true } }),
    ],
    [
      "PROBED",
      "uploaded and probed",
      observation({ koyeb: both, fly: both, vault: bothVault, worker: uploaded, evidence: { probedVersion: "v2" } }),
    ],
    ["UPLOADED", "uploaded", observation({ koyeb: both, fly: both, vault: bothVault, worker: uploaded })],
    ["STAGED", "complete, not uploaded", observation({ koyeb: both, fly: both, vault: bothVault })],
    ["STAGING", "one origin lacks it", observation({ koyeb: both, vault: bothVault })],
    ["STAGING", "GitHub lacks it", observation({ koyeb: both, fly: both })],
    [
      "STAGING",
      "a configuration is not proven",
      observation({ koyeb: both, fly: { ok: true, instances: [instance(K0, K1)], config: null }, vault: bothVault }),
    ],
    ["STAGING", "two candidates", observation({ koyeb: both, fly: seen(K0, K2), vault: bothVault })],
    ["UNBACKED", "GitHub was written by somebody else", observation({ vault: { a: K0, b: "unknown" } })],
    ["RETIRED", "no proof for the last retired kid", observation({ journal: { proven: false } })],
    ["STEADY", "one secret, proof recorded", observation({})],
    ["STEADY", "a tombstone of any kid is no kid", observation({ koyeb: seen(K0, `revoked:${K2}`) })],
  ];
  it.each(rows)("is %s when %s", (name, _why, observed) => {
    expect(phaseOf(observed).name).toBe(name);
  });

  describe("with an origin that is joining", () => {
    const joining = (look: OriginLook, change: Parameters<typeof observation>[0] = {}): PhaseName => {
      const observed = observation(change);
      return phaseOf({ ...observed, origins: [...observed.origins, { name: "new", state: "joining", look }] }).name;
    };
    const nothing: OriginLook = { ok: true, instances: [], config: null };

    it("is what it is without it, until it accepts the live secret: nobody sends to it", () => {
      for (const look of [nothing, seen(ZERO, ZERO), seen(K1, ZERO), seen(K1, K2)])
        expect(joining(look)).toBe("STEADY");
      expect(joining(seen(K1, ZERO), { journal: { dead: [K1] } })).toBe("STEADY");
      expect(joining(seen(ZERO, K0), {})).toBe("MISALIGNED");
    });
    it("counts what it holds beside the live secret", () => {
      expect(joining(seen(K0, ZERO))).toBe("STEADY");
      expect(joining(seen(K0, K1))).toBe("STAGING");
      expect(joining(seen(K0, K1), { journal: { dead: [K1] } })).toBe("RESURRECTED");
    });
    it("waits for it before the switch, unless nothing runs there yet", () => {
      const staged = { koyeb: both, fly: both, vault: bothVault };
      expect(joining(seen(ZERO, K1), staged)).toBe("STAGED");
      expect(joining(nothing, staged)).toBe("STAGED");
      expect(joining(seen(K2, ZERO), staged)).toBe("STAGING");
      expect(joining({ ...seen(ZERO, K1), config: null } as OriginLook, staged)).toBe("STAGING");
    });
    it("is BLIND when its platform does not answer", () => {
      expect(joining({ ok: false, reason: "away" })).toBe("BLIND");
    });
  });

  it("says that the upload differs when the latest version's secret is unknown", () => {
    expect(phaseOf(observation({ worker: { versions: [version(2, null), version(1, K0)] } })).uploadDiffers).toBe(true);
    expect(phaseOf(observation({})).uploadDiffers).toBe(false);
  });
});

/** A second, naive reading of the same table: one predicate per row, in order, written without looking at the first. */
function naive(o: Observation): PhaseName {
  const pool = o.origins.filter((x) => x.state === "pool");
  const newcomers = o.origins.filter((x) => x.state === "joining");
  const number = (id: string) => o.worker.versions.find((v) => v.id === id)?.number ?? 0;
  const kid = (id: string) => o.worker.observed[id] ?? o.worker.versions.find((v) => v.id === id)?.annotatedKid ?? null;
  const order = o.worker.deployment.toSorted(
    (x, y) => y.percentage - x.percentage || number(y.versionId) - number(x.versionId),
  );
  const top = order.find(() => true);
  const W = top && o.worker.versions.some((v) => v.id === top.versionId) ? kid(top.versionId) : null;
  const latest = o.worker.versions.toSorted((x, y) => y.number - x.number)[0];
  const U = latest ? kid(latest.id) : null;
  const holders = (list: typeof pool) =>
    list.flatMap((x) =>
      x.look.ok ? [...x.look.instances.map((i) => i.kids), ...(x.look.config ? [x.look.config] : [])] : [],
    );
  const has = (x: (typeof pool)[number], k: string | null) =>
    k !== null &&
    x.look.ok &&
    x.look.config !== null &&
    x.look.instances.length > 0 &&
    holders([x]).every((h) => acceptedKids(h).includes(k));
  const settled = newcomers.filter((x) => has(x, W));
  const counted = [...pool, ...settled];
  const all = holders(counted);
  const send = new Set(
    o.worker.deployment
      .filter((x) => x.percentage > 0)
      .map((x) => kid(x.versionId))
      .filter((x) => x !== null),
  );
  const vault = [o.vault.a, o.vault.b];
  const complete = (k: string) => vault.includes(k) && pool.every((x) => has(x, k));
  const ready = (k: string) =>
    complete(k) && newcomers.every((x) => (x.look.ok && x.look.instances.length === 0) || has(x, k));
  const X = new Set([
    ...all.flatMap((h) => acceptedKids(h)),
    ...vault.filter((k) => k !== null && k !== "unknown" && isKid(k)),
  ] as string[]);
  if (W !== null) X.delete(W);
  const from = o.worker.versions
    .toSorted((x, y) => y.number - x.number)
    .find((v) => v.annotatedKid === W && kid(v.id) === W)?.annotatedFrom;
  const prev = [...X].find((k) => k === from);
  const [next] = X;
  const one = X.size === 1;
  const where = new Set<string>();
  for (const h of all)
    if (!("legacy" in h))
      for (const s of ["a", "b"] as const) if (h[s] === W && !(s === "b" && h.a === W)) where.add(s);

  const held = (list: typeof pool, k: string) => holders(list).some((h) => acceptedKids(h).includes(k));
  const running = pool.flatMap((x) => (x.look.ok ? x.look.instances.map((i) => acceptedKids(i.kids)) : []));
  const agreed = [K0, K1, K2].filter((k) => running.length > 0 && running.every((list) => list.includes(k)));
  const code = (id: string | undefined) => o.worker.versions.find((v) => v.id === id)?.code;
  // None of these says what it was made of: one of ours was made of the upload before it.
  const root = (x: string | undefined): string | undefined => {
    const at = o.worker.versions.find((v) => v.id === x);
    if (!at || at.annotatedKid === null) return x;
    const before = o.worker.versions.find((v) => v.number === at.number - 1);
    return before ? root(before.id) : x;
  };
  const same = (x: string | undefined, y: string | undefined) =>
    code(x) !== undefined && code(x) === code(y) && root(x) === root(y);
  const sharing = o.worker.deployment.filter((x) => x.percentage > 0);

  const runs = o.origins.some((x) => (x.look.ok ? x.look.instances.length > 0 : x.look.absent !== true));
  const { live, running: held_, candidateAgeMs, dead, abandoned } = o.journal;
  const blank = live === null && !held_ && candidateAgeMs === null && dead.length === 0 && abandoned.length === 0;
  const unused = !runs && blank && !o.names.present.includes("worker");
  if (o.names.present.length === 0 || ((o.journal.initUnfinished || unused) && o.worker.blind === null && W === null))
    return "UNSET";
  if (
    o.worker.blind !== null ||
    [...pool, ...newcomers].some((x) => !x.look.ok) ||
    pool.some((x) => x.look.ok && x.look.instances.length === 0)
  )
    return "BLIND";
  const deployed = top && o.worker.versions.some((v) => v.id === top.versionId);
  if (deployed && agreed.length > 0 && [...send].every((k) => !held(pool, k))) return "ASTRAY";
  if (W === null) return "BLIND";
  if (all.some((h) => "legacy" in h && h.legacy === W)) return "LEGACY";
  if (holders(pool).some((h) => [...send].some((k) => !acceptedKids(h).includes(k)))) return "FORKED";
  for (const { look } of counted)
    if (look.ok && look.slots)
      for (const { kids } of look.instances)
        if (!("legacy" in kids)) {
          const slot: "a" | "b" | null = kids.a === W ? "a" : kids.b === W ? "b" : null;
          if (slot && look.slots[slot] !== W) return "LOST";
        }
  if (o.journal.dead.some((k) => k === W || k === U || all.some((h) => acceptedKids(h).includes(k))))
    return "RESURRECTED";
  if (where.size > 1) return "MISALIGNED";
  if (sharing.length > 1 && send.size === 1) return "CANARY";
  if (o.worker.lost && !same(o.worker.lost.shares[0]?.versionId, top?.versionId)) return "UNDONE";
  if (send.size > 1) return "SPLIT";
  if (prev !== undefined) return o.evidence.drainedKid !== prev ? "LINGERING" : complete(prev) ? "DRAINED" : "RETIRING";
  if (next !== undefined) {
    if (!o.journal.running && (o.journal.abandoned.includes(next) || (o.journal.candidateAgeMs ?? 0) > 86_400_000))
      return "ORPHAN";
    if (!one || !ready(next)) return "STAGING";
    const made = o.worker.versions
      .toSorted((x, y) => y.number - x.number)
      .find(
        (v) =>
          v.annotatedKid === next && v.annotatedFrom === W && [next, null, undefined].includes(o.worker.observed[v.id]),
      );
    if (!made) return "STAGED";
    if (!same(made.id, top?.versionId)) return "OUTDATED";
    return o.evidence.probedVersion === made.id ? "PROBED" : "UPLOADED";
  }
  if (counted.some((x) => x.look.ok && x.look.config === null)) return "STAGING";
  const copy = o.vault.a === W ? "a" : o.vault.b === W ? "b" : null;
  if (vault.includes("unknown") || copy === null || [...where].some((s) => s !== copy)) return "UNBACKED";
  return o.journal.proven ? "STEADY" : "RETIRED";
}

const anyKid = fc.constantFrom(K0, K1, K2);
const anySlot = fc.oneof(
  { weight: 6, arbitrary: anyKid },
  { weight: 3, arbitrary: fc.constantFrom(ZERO, `revoked:${K1}`) },
  { weight: 1, arbitrary: fc.constant(null) },
);
const anyKids = fc.oneof(
  { weight: 15, arbitrary: fc.record({ a: anySlot, b: anySlot }) },
  { weight: 1, arbitrary: fc.record({ legacy: anyKid }) },
);
const anyLook: fc.Arbitrary<OriginLook> = fc.oneof(
  { weight: 1, arbitrary: fc.constant<OriginLook>({ ok: false, reason: "r" }) },
  {
    weight: 20,
    arbitrary: fc
      .record({
        kids: fc.array(anyKids, { minLength: 0, maxLength: 3 }),
        config: fc.option(anyKids),
        slots: fc.option(fc.record({ a: anySlot, b: anySlot }), { freq: 1 }),
      })
      .map(({ kids, config, slots }): OriginLook => ({
        ok: true,
        config,
        ...(slots ? { slots } : {}),
        instances: kids.map((own, i) => ({ ...instance(null, null, `i${i}`), kids: own })),
      })),
  },
);
const anyObservation: fc.Arbitrary<Observation> = fc.record({
  names: fc.record({ present: fc.constantFrom(["worker"], ["worker", "github"], []) }),
  worker: fc
    .record({
      lost: fc.option(fc.nat(3), { freq: 1 }),
      versions: fc.array(
        fc.record({ kid: fc.option(anyKid), from: fc.option(anyKid), code: fc.constantFrom("c", "d") }),
        {
          minLength: 0,
          maxLength: 3,
        },
      ),
      // Somebody always gets the requests: Cloudflare keeps no deployment in which every version has 0 %.
      shares: fc
        .array(fc.record({ index: fc.nat(3), percentage: fc.constantFrom(0, 40, 60, 100), seen: fc.option(anyKid) }), {
          maxLength: 2,
        })
        .filter((shares) => shares.length === 0 || shares.some(({ percentage }) => percentage > 0)),
      blind: fc.oneof({ weight: 15, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: fc.constant("b") }),
    })
    .map(({ versions, shares, blind, lost }) => ({
      lost: lost === null ? null : { id: "d", shares: [{ versionId: `v${lost + 1}`, percentage: 100 }], message: "" },
      deployments: [],
      versions: versions.map(({ kid, from, code }, i) => version(i + 1, kid, from, code)).toReversed(),
      deployment: shares.map(({ index, percentage }) => ({ versionId: `v${index + 1}`, percentage })),
      observed: Object.fromEntries(shares.map(({ index, seen: own }) => [`v${index + 1}`, own])),
      blind,
    })),
  origins: fc.array(
    fc.record({
      name: fc.constantFrom("koyeb", "fly"),
      state: fc.constantFrom("pool" as const, "pool" as const, "joining" as const, "quarantined" as const),
      look: anyLook,
    }),
    { minLength: 1, maxLength: 3 },
  ),
  vault: fc.record({
    a: fc.oneof(anySlot, fc.constant("unknown" as const)),
    b: fc.oneof(anySlot, fc.constant("unknown" as const)),
  }),
  journal: fc.record({
    dead: fc.oneof(
      { weight: 8, arbitrary: fc.constant([]) },
      { weight: 1, arbitrary: fc.array(anyKid, { maxLength: 1 }) },
    ),
    proven: fc.boolean(),
    abandoned: fc.array(anyKid, { maxLength: 1 }),
    running: fc.boolean(),
    candidateAgeMs: fc.option(fc.constantFrom(0, 90_000_000)),
    initUnfinished: fc.boolean(),
    live: fc.option(anyKid),
  }),
  evidence: fc.record({ probedVersion: fc.option(fc.constantFrom("v1", "v2")), drainedKid: fc.option(anyKid) }),
});

describe("phase of any observation at all", () => {
  it("is one phase, always the same, and equal to a naive second reading of the table", () => {
    const met = new Set<PhaseName>();
    fc.assert(
      fc.property(anyObservation, (observed) => {
        const first = phaseOf(observed);
        met.add(first.name);
        expect(phaseOf(structuredClone(observed))).toEqual(first);
        expect(first.name).toBe(naive(observed));
      }),
      { numRuns: 20_000 },
    );
    expect(met.size).toBeGreaterThan(10);
  });
});
