/**
 * The whole command against the four platforms on their wire: killed at any of its writes it leaves nothing behind that the next run
 * does not put right, and what a platform does wrong it survives or says, while nobody is refused. `ROWS=all` kills every mode before and
 * after every write (about ten minutes), lets every platform do everything wrong, and ends a healthy deployment at every moment.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { traceOf } from "../test/wire-trace.ts";
import { startWireWorld, type Party, type Ran, type Wire, type WireCall, type WireWorld } from "../test/wire-world.ts";

const ALL = process.env["ROWS"] === "all";

let world: WireWorld;
let fresh: unknown;
beforeAll(async () => {
  world = await startWireWorld();
  fresh = await traceOf(world);
});
afterAll(() => world.close());

const isWrite = ({ method }: WireCall): boolean => method !== "GET";
/** The same with a look at who is refused after each write. */
const watched =
  (wire: Wire, refused: Set<string>): Wire =>
  async (call, pass) => {
    const answer = await wire(call, pass);
    if (isWrite(call))
      for (const who of await world.refused()) refused.add(`${call.party} ${call.method} ${call.path}: ${who}`);
    return answer;
  };

/** Runs a command whose process ends at the write that `is` names, before it or after it with the answer lost. */
async function killed(line: string, is: (call: WireCall) => boolean, when: "before" | "after") {
  const process = new AbortController();
  const refused = new Set<string>();
  const wire: Wire = async (call, pass) => {
    const dies = (): never => {
      process.abort();
      // The one fault of a call after which none is tried again.
      throw new TypeError("killed", {
        cause: Object.assign(new Error("killed"), { code: "DEPTH_ZERO_SELF_SIGNED_CERT" }),
      });
    };
    if (process.signal.aborted) return dies();
    const hit = isWrite(call) && is(call);
    if (hit && when === "before") dies();
    const answer = await pass();
    return hit ? dies() : answer;
  };
  const ran = await world.mcpist(line, { wire: watched(wire, refused), signal: process.signal });
  return { ran, dead: process.signal.aborted, refused: [...refused] };
}

/** What a person does who is told so: the next rotation, or the emergency that it names. */
async function next(): Promise<Ran> {
  const ran = await world.mcpist("secrets rotate");
  const [, named] =
    /hint: {2}mcpist (secrets rotate --emergency \w+(?: --yes)?)/.exec(ran.text.replaceAll(/\n +/g, " ")) ?? [];
  return named === undefined ? ran : world.mcpist(named);
}

interface Mode {
  /** What has to be there before. */
  readonly prepare?: () => Promise<unknown>;
  readonly serves: boolean;
}
const uploads = ({ party, path }: WireCall): boolean => party === "cloudflare" && path.endsWith("/versions");
const names = ({ party, path }: WireCall): boolean => party === "github" && path.endsWith("/GATEWAY_SECRET_LIVE");
const MODES: Readonly<Record<string, Mode>> = {
  "secrets rotate": { serves: true },
  "secrets rotate --clean": { serves: true, prepare: () => killed("secrets rotate", uploads, "after") },
  "secrets rollback": { serves: true, prepare: () => killed("secrets rotate", names, "before") },
  "secrets rotate --emergency fast": { serves: false },
  "secrets rotate --emergency now --yes": { serves: false },
};
/** Somewhere in the beginning, in the middle and near the end; every other mode is tried with ROWS=all. */
const SOME: readonly (readonly [line: string, when: "before" | "after", writes: readonly number[]])[] = [
  ["secrets rotate", "after", [31]],
  ["secrets rotate --emergency now --yes", "before", [12]],
];
const EACH = Object.keys(MODES).flatMap((line) =>
  (["before", "after"] as const).map((when) => [line, when, Array.from({ length: 99 }, (_, i) => i + 1)] as const),
);

describe("a command that is killed", () => {
  it.each(ALL ? EACH : SOME)(
    "leaves nothing behind: %s, %s a write",
    { timeout: 900_000 },
    async (line, when, writes) => {
      const found: unknown[] = [];
      for (const n of writes) {
        await MODES[line]?.prepare?.();
        const { dead, ran, refused } = await killed(line, (call) => call.writes === n, when);
        const ended = await next();
        const trace = await traceOf(world);
        if (
          ended.code !== 0 ||
          JSON.stringify(trace) !== JSON.stringify(fresh) ||
          (MODES[line]?.serves && refused.length > 0)
        )
          found.push({ n, at: ran.calls.findLast(isWrite), refused, text: ended.text, trace });
        if (!dead) break;
      }
      expect(found).toEqual([]);
    },
  );
});

const page = (status: number) =>
  new Response("<html><title>502 Bad Gateway</title></html>", { status, headers: { "content-type": "text/html" } });
type Fault = (party: Party) => Wire;
/** Every `nth` call. */
const often =
  (nth: number, answer: () => Response): Fault =>
  (party) => {
    let n = 0;
    return async (call, pass) => (call.party === party && ++n % nth === 0 ? answer() : pass());
  };
/** From the `nth` call on. */
const from =
  (nth: number, answer: () => Response, is: (call: WireCall) => boolean = () => true): Fault =>
  (party) => {
    let n = 0;
    return async (call, pass) => (call.party === party && is(call) && ++n >= nth ? answer() : pass());
  };
/** A look within eight seconds of the command's own after a write shows what was before it. */
const stale: Fault = (party) => {
  const seen = new Map<string, { readonly body: string; readonly init: ResponseInit }>();
  let wrote = Number.NEGATIVE_INFINITY;
  return async (call, pass) => {
    if (call.party !== party) return pass();
    if (isWrite(call)) {
      wrote = performance.now();
      return pass();
    }
    const old = seen.get(call.path);
    if (old && performance.now() - wrote < 800) return new Response(old.body, old.init);
    const answer = await pass();
    const headers = new Headers(answer.headers);
    for (const name of ["content-length", "content-encoding"]) headers.delete(name);
    seen.set(call.path, { body: await answer.clone().text(), init: { status: answer.status, headers } });
    return answer;
  };
};
const later = (ms: number): string => new Date(Date.now() + ms).toUTCString();

const DONE = /^done [0-9a-f]{16}/m;
const FAULTS: Readonly<Record<string, { readonly fault: Fault; readonly says: RegExp; readonly sample?: Party }>> = {
  "answers every seventh call with a page and 502": { fault: often(7, () => page(502)), says: DONE, sample: "fly" },
  "answers every fifth call with nothing": {
    fault: (party) => {
      let n = 0;
      return async (call, pass) =>
        call.party === party && !isWrite(call) && ++n % 5 === 0 ? new Response("") : pass();
    },
    says: DONE,
  },
  "asks every ninth call to wait until a date": {
    fault: often(9, () => new Response("", { status: 429, headers: { date: later(0), "retry-after": later(2000) } })),
    says: DONE,
  },
  "asks to wait for thirty years": {
    fault: from(12, () => new Response("", { status: 429, headers: { "retry-after": "999999999" } })),
    says: /answered 429 .*wait some minutes/s,
  },
  "shows for eight seconds what was before a write": { fault: stale, says: DONE, sample: "koyeb" },
  "takes the token no more after some calls": {
    fault: from(14, () => Response.json({ message: "expired" }, { status: 401 })),
    says: /answered 401 .*export a new one/s,
    sample: "github",
  },
  "gives the token no right to write": {
    fault: from(1, () => Response.json({ message: "not yours" }, { status: 403 }), isWrite),
    says: /answered 403 .*lacks a permission/s,
  },
};
const PLATFORMS: readonly Party[] = ["github", "cloudflare", "koyeb", "fly"];
const ROWS = Object.entries(FAULTS).flatMap(([what, { sample }]) =>
  PLATFORMS.filter((party) => ALL || party === sample).map((party) => [party, what] as const),
);

describe("a platform that does wrong in the middle of a rotation", () => {
  it.each(ROWS)("%s %s: nobody is refused, it is said, and the next run leads out", async (party, what) => {
    const { fault, says } = FAULTS[what] ?? {};
    if (!fault || !says) throw new TypeError("no such fault");
    const refused = new Set<string>();
    const ran = await world.mcpist("secrets rotate", { wire: watched(fault(party), refused) });
    expect({ refused: [...refused], text: ran.text.replaceAll(/\n +/g, " ") }).toEqual({
      refused: [],
      text: expect.stringMatching(says) as string,
    });
    if (ran.code !== 0) expect((await next()).text).toMatch(/^done/m);
    expect(await traceOf(world)).toEqual(fresh);
  });
});

/** When Koyeb's newest deployment, which was healthy, ends: at a call of the command, after so many redeploys were seen to be healthy. */
const ENDS: Readonly<Record<string, { readonly redeploys: number; readonly is: (call: WireCall) => boolean }>> = {
  "during the rollout": { redeploys: 1, is: () => true },
  "between rollout and verification": { redeploys: 1, is: ({ party }) => party === "cloudflare" },
  "at the upload": { redeploys: 1, is: (call) => isWrite(call) && uploads(call) },
  "at the probe": { redeploys: 1, is: (call) => isWrite(call) && call.path.includes("/deployments") },
  "during the drain": { redeploys: 1, is: (call) => isWrite(call) && names(call) },
  "during the rollout of the retirement": { redeploys: 2, is: () => true },
};
/** It has no instance, and its address answers with 503, for so many calls. */
function ends({ redeploys, is }: (typeof ENDS)[string], calls: number): Wire {
  const seen = { redeploys: 0, healthy: false, left: calls, began: false };
  const { url } = world.environment.origins.find(({ kind }) => kind === "koyeb") ?? { url: "" };
  return async (call, pass) => {
    const { party, path } = call;
    if (path.endsWith("/redeploy")) Object.assign(seen, { redeploys: seen.redeploys + 1, healthy: false });
    seen.began ||= seen.redeploys >= redeploys && seen.healthy && is(call);
    const answer = await pass();
    const isDeployment = party === "koyeb" && /\/deployments\/[^/?]+$/.test(path);
    if (!isDeployment && (!seen.began || seen.left <= 0)) return answer;
    const told = (await answer
      .clone()
      .json()
      .catch(() => ({}))) as { deployment?: { status: string }; via?: object };
    if (isDeployment && told.deployment?.status === "HEALTHY") seen.healthy = true;
    if (!seen.began || seen.left <= 0) return answer;
    const sick = isDeployment
      ? { deployment: { ...told.deployment, status: "ERROR", messages: ["the instance exited"] } }
      : party === "koyeb" && path.startsWith("/v1/instances")
        ? { instances: [], count: 0 }
        : party === "gateway" && path.includes("origin=koyeb")
          ? { ...told, via: { origin: "koyeb", status: 503, observation: null } }
          : null;
    const isOrigin = party === "origin" && answer.url.startsWith(url);
    if (sick === null && !isOrigin) return answer;
    seen.left--;
    return isOrigin ? new Response("", { status: 503 }) : Response.json(sick);
  };
}
const ENDINGS = Object.keys(ENDS).flatMap((when) =>
  ([25, Number.POSITIVE_INFINITY] as const)
    .filter((calls) => ALL || (when === "at the upload" && calls !== 25))
    .map((calls) => [when, calls === 25 ? "and is back soon" : "for good", calls] as const),
);

describe("a deployment at Koyeb that is healthy and then ends", () => {
  it.each(ENDINGS)(
    "%s, %s: the old secret stays as long as it is needed, and the next run leads out",
    async (when, _, calls) => {
      const end = ENDS[when];
      if (!end) throw new TypeError("no such moment");
      const refused = new Set<string>();
      const ran = await world.mcpist("secrets rotate", { wire: watched(ends(end, calls), refused) });
      const text = ran.text.replaceAll(/\n +/g, " ");
      expect({ refused: [...refused], text }).toEqual({
        refused: [],
        text: expect.stringMatching(ran.code === 0 ? DONE : /^error: .*koyeb.*\nhint: /ims) as string,
      });
      if (calls !== 25) expect(ran.code).toBe(5);
      if (ran.code !== 0) expect((await next()).text).toMatch(/^done/m);
      expect(await traceOf(world)).toEqual(fresh);
    },
  );
});
