/**
 * Somebody uploads or deploys at every boundary of a rotation, with real wrangler and over REST. In the end the newest deployed code
 * is live, with the new secret alone, and no request has failed. `ROWS=all` runs every way at every boundary (about ten minutes).
 */
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { mcpRequest } from "../sandbox/load/mcp-requests.ts";
import { Progress } from "../cli/output.ts";
import { phaseOf } from "../cli/secrets/phase.ts";
import { BRISK, startLightCloud, type LightCloud } from "./light-cloud.ts";
import { startReleases, type Releases } from "./releases.ts";

type Way = Exclude<keyof Releases, "uploads" | "close">;
const WAYS: readonly Way[] = [
  "a deploy over REST",
  "wrangler deploy",
  "an upload over REST",
  "wrangler versions upload",
];
/** When it happens: as a step begins, or while one of the tool's own writes is on its way to Cloudflare. */
type Boundary = { readonly step: string } | { readonly write: string; readonly nth: number };
const BOUNDARIES: readonly (readonly [name: string, boundary: Boundary])[] = [
  ["as the new secret is written", { step: "write GitHub" }],
  ["as the Worker version is uploaded", { step: "upload the Worker version" }],
  ["while that upload is on its way", { write: "/versions(/latest)?$", nth: 1 }],
  ["as the new version is probed", { step: "probe the new version at 0 %" }],
  ["while the deployment of the probe is on its way", { write: "/deployments", nth: 1 }],
  ["as the Worker is switched", { step: "switch the Worker" }],
  ["while the switch is on its way", { write: "/deployments", nth: 2 }],
  ["as the old secret drains", { step: "drain" }],
  ["as the old secret is retired", { step: "retire at GitHub" }],
  ["as the old secret is proven dead", { step: "prove that the old secret is dead" }],
  ["while the deployment of the proof is on its way", { write: "/deployments", nth: 3 }],
  ["while the end of the proof is on its way", { write: "/deployments", nth: 4 }],
];
/** Half of the boundaries, those at which the most can be lost, each with one way; every way is there. */
const SAMPLE = [2, 4, 5, 6, 7, 11].flatMap((at, i) => {
  const [name, boundary] = BOUNDARIES[at] ?? [];
  return name && boundary ? [[WAYS[i % WAYS.length] ?? "a deploy over REST", name, boundary] as const] : [];
});
const ALL = BOUNDARIES.flatMap(([name, boundary]) => WAYS.map((way) => [way, name, boundary] as const));
const ROWS = process.env["ROWS"] === "all" ? ALL : SAMPLE;

let cloud: LightCloud;
let releases: Releases;
beforeAll(async () => {
  cloud = await startLightCloud({ timings: BRISK, drain: { minAge: "1s", quiet: "1500ms", max: "60s" } });
  releases = await startReleases(cloud);
  // The first deployment reaches the edges after its command has ended.
  const token = await cloud.sandbox.idp.mint();
  await vi.waitUntil(async () => (await ask(1, token)) === null, { timeout: 60_000 });
}, 600_000);
afterAll(async () => {
  await releases.close();
  await cloud.close();
});

const worker = () => {
  const { cloudflare } = cloud.sandbox;
  const state = cloudflare.workers().find(({ name }) => name === cloud.environment.cloudflare.worker);
  const shares = state?.deployments.at(-1)?.shares ?? [];
  const id = shares[0]?.versionId ?? "";
  return { shares: shares.length, etag: state?.versions.find((version) => version.id === id)?.etag ?? "" };
};

/** One question of a user. @returns what was wrong with the answer; null = nothing. */
async function ask(id: number, token: string): Promise<string | null> {
  const { headers, body, path } = mcpRequest("list", id, token, "");
  const response = await fetch(cloud.sandbox.urls.gateway + path, { method: "POST", headers, body });
  const text = await response.text();
  return response.status === 200 && text.includes('"result"') ? null : `${response.status} ${text.slice(0, 80)}`;
}

/** A user who asks all the time. @returns what ends it, with the answers that were none. */
async function startUser(): Promise<() => Promise<readonly string[]>> {
  const token = await cloud.sandbox.idp.mint({ sub: crypto.randomUUID() });
  const failures: string[] = [];
  const over = new AbortController();
  const asking = (async () => {
    for (let id = 1; !over.signal.aborted; id++) {
      const failure = await ask(id, token);
      if (failure !== null) failures.push(failure);
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  })().catch((error: unknown) => failures.push(String(error)));
  return async () => {
    over.abort();
    await asking;
    return failures;
  };
}

/** Lets `release` happen once, at `boundary`. @returns what it came to; null when the boundary was never reached. */
function at(boundary: Boundary, way: Way) {
  const { faults } = cloud.sandbox;
  let released: Promise<string> | null = null;
  const go = (): void => void (released ??= releases[way]());
  if ("step" in boundary)
    return {
      onStep: (name: string | null) => {
        if (name?.startsWith(boundary.step)) go();
      },
      released: () => released,
      end: () => undefined,
    };
  const { write: path, nth } = boundary;
  let seen = 0;
  const end = faults.onCall(async (call) => {
    if (call.vendor !== "cloudflare" || call.method === "GET" || !new RegExp(path).test(call.path)) return;
    if (++seen !== nth) return;
    go();
    // The tool's own write arrives once somebody else's is over.
    await released;
  });
  return { onStep: () => undefined, released: () => released, end };
}

describe("somebody else at work on the Worker during a rotation", { shuffle: false }, () => {
  it.each(ROWS)("%s, %s", { timeout: 600_000 }, async (way, _, boundary) => {
    const before = worker();
    const stopUser = await startUser();
    const event = at(boundary, way);
    const { report, ended } = await cloud.rotate({}, {}, event.onStep);
    const etag = await event.released();
    event.end();
    expect(etag, "it happened").toMatch(/\S/);
    expect(ended.failure).toBeNull();
    expect(report.phase).toBe("STEADY");
    const isDeploy = way.includes("deploy");
    expect(worker()).toEqual({ shares: 1, etag: isDeploy ? etag : before.etag });
    const session = await cloud.session();
    const seen = await session.run(new Progress(cloud.context, { json: true })).observe();
    expect(phaseOf(seen)).toMatchObject({ name: "STEADY", live: report.to?.kid });
    expect(await stopUser()).toEqual([]);
  });

  it("a hundred and five uploads since the last deploy, over REST", { timeout: 600_000 }, async () => {
    const before = worker();
    await releases.uploads(105);
    const { cloudflare } = cloud.sandbox;
    const uploaded = cloudflare.workers().find(({ name }) => name === cloud.environment.cloudflare.worker)?.versions;
    expect(uploaded?.length).toBeGreaterThan(105);
    const { report, ended } = await cloud.rotate();
    expect(ended.failure).toBeNull();
    expect(report.phase).toBe("STEADY");
    expect(worker()).toEqual({ shares: 1, etag: before.etag });
  });
});
