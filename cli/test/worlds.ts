/** One installation in each phase that a look can find. */
import { live } from "./fake-run.ts";
import { FakeCloud } from "./fake-cloud.ts";
import type { PhaseName } from "../secrets/phase.ts";

/** What every steady installation here runs on, with its kid. */
export const VALUE = "0ce9c7ebaad754a27926459117f1d6ff486ead0aba4db2de63c4822bc4938f1d";
export const K0 = "3bf20eb544276d55";
const K1 = "00000000000000bb";
export const ZERO = "revoked:0000000000000000";
/** One of each kind. */
export const ORIGINS = [
  { name: "koyeb", kind: "koyeb" },
  { name: "fly", kind: "fly" },
] as const;
/** Steady on {@link K0}. */
export const installed = (): FakeCloud => new FakeCloud({ origins: ORIGINS }).steady(K0).withJournal();

/** One origin by name. */
export function at(cloud: FakeCloud, name: string): FakeCloud["origins"][number] {
  const origin = cloud.origins.find((candidate) => candidate.name === name);
  if (!origin) throw new TypeError(`no origin ${name}`);
  return origin;
}

/** A cloud in which a run died at the `nth` call of a name. */
async function died(name: string, kind: "kill-before" | "kill-after" = "kill-after", nth = 1): Promise<FakeCloud> {
  const cloud = installed();
  let met = 0;
  cloud.fault = (_, called) => (called === name && ++met === nth ? kind : null);
  const ending = await live(cloud, { id: "dies" });
  if (ending.kind !== "killed") throw new TypeError(`nobody died at ${name}`);
  cloud.fault = () => null;
  // Edges and rollouts have settled, as they have when a person looks.
  cloud.pass(10_000);
  return cloud;
}

/** One world in each phase that a look can find. PROBED and DRAINED are seen only by the run that probed and drained. */
export const WORLDS: Readonly<Record<Exclude<PhaseName, "PROBED" | "DRAINED">, () => FakeCloud | Promise<FakeCloud>>> =
  {
    UNSET: () => {
      const cloud = new FakeCloud({ origins: ORIGINS.map((origin) => ({ ...origin, instances: 0 })) });
      cloud.versions = [
        { id: "v1", number: 1, kid: null, annotatedKid: null, annotatedFrom: null, annotatedRun: null, etag: "code-0" },
      ];
      cloud.deployment = [{ versionId: "v1", percentage: 100 }];
      return cloud;
    },
    BLIND: () => {
      const cloud = installed();
      at(cloud, "fly").down = true;
      return cloud;
    },
    ASTRAY: async () => {
      const cloud = installed();
      await live(cloud, { id: "first" });
      cloud.checksS1 = false;
      cloud.foreignRelease("v1");
      cloud.pass(10_000);
      return cloud;
    },
    LEGACY: () => {
      const cloud = installed();
      for (const origin of cloud.origins) {
        origin.config = { a: null, b: null };
        origin.legacy = K0;
        for (const instance of origin.instances) instance.kids = { legacy: K0 };
      }
      return cloud;
    },
    FORKED: () => {
      const cloud = installed();
      cloud.checksS1 = false;
      for (const instance of at(cloud, "fly").instances) instance.kids = { a: K1, b: ZERO };
      return cloud;
    },
    LOST: () => {
      const cloud = installed();
      at(cloud, "fly").config = { a: null, b: ZERO };
      at(cloud, "fly").configChanged = true;
      return cloud;
    },
    RESURRECTED: async () => {
      const cloud = installed();
      await live(cloud, { id: "first" });
      const fly = at(cloud, "fly");
      fly.config = { ...fly.config, a: K0 };
      for (const instance of fly.instances) instance.kids = { ...fly.config };
      return cloud;
    },
    MISALIGNED: () => {
      const cloud = installed();
      const fly = at(cloud, "fly");
      fly.config = { a: ZERO, b: K0 };
      for (const instance of fly.instances) instance.kids = { ...fly.config };
      return cloud;
    },
    CANARY: () => {
      const cloud = installed();
      cloud.foreignUpload();
      cloud.deployment = [
        { versionId: "v1", percentage: 90 },
        { versionId: "v2", percentage: 10 },
      ];
      return cloud;
    },
    UNDONE: async () => {
      const cloud = installed();
      cloud.fault = (_, name) => {
        if (name !== "worker: deploy") return null;
        cloud.event = () => {
          cloud.event = null;
          cloud.foreignDeploy();
        };
        return "kill-after";
      };
      await live(cloud, { id: "dies" });
      cloud.fault = () => null;
      cloud.pass(10_000);
      return cloud;
    },
    SPLIT: async () => {
      const cloud = await died("worker: upload");
      cloud.deployment = [
        { versionId: "v1", percentage: 90 },
        { versionId: "v2", percentage: 10 },
      ];
      return cloud;
    },
    LINGERING: async () => died("github: write live", "kill-before"),
    RETIRING: async () => {
      // Somebody looks after one origin was retired and the other was not: the run that drained is gone, so it drains again.
      const cloud = installed();
      cloud.fault = (_, name) =>
        name === "koyeb: redeploy" && at(cloud, "koyeb").config.a?.startsWith("revoked") ? "kill-after" : null;
      await live(cloud, { id: "dies" });
      cloud.fault = () => null;
      cloud.pass(10_000);
      return cloud;
    },
    ORPHAN: async () => {
      const cloud = await died("koyeb: redeploy");
      // Nothing happens in between, so no time has to pass tick by tick.
      cloud.now += 25 * 3_600_000;
      return cloud;
    },
    OUTDATED: async () => {
      const cloud = await died("worker: upload");
      const [candidate, ...older] = cloud.versions;
      if (!candidate) throw new TypeError("nothing was uploaded");
      cloud.versions = [{ ...candidate, etag: "code-of-a-preview" }, ...older];
      return cloud;
    },
    UPLOADED: async () => died("worker: upload"),
    STAGED: async () => died("worker: upload", "kill-before"),
    STAGING: async () => died("koyeb: write b"),
    UNBACKED: () => {
      const cloud = installed();
      cloud.vault.a = { kid: null, updatedAt: null };
      cloud.checksS2 = false;
      return cloud;
    },
    RETIRED: async () => died("worker: deploy", "kill-before", 3),
    STEADY: installed,
  };
