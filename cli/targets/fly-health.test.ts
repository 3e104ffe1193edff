/** Machines that are called started and fail a moment later: who is still there is never taken away for them. */
import { describe, expect, it } from "vitest";
import { testEnvironment } from "../test/environment.ts";
import { testContext, urlOf } from "../test/test-context.ts";
import { flyApi } from "./fly-api.ts";
import { flyOrigin } from "./fly.ts";

const APP = "mcpist-origin";
const free = async (): Promise<void> => undefined;

interface Fake {
  id: string;
  state: string;
  check: string;
  autostop?: string;
}
/** What happens to a Machine at each look after its update, one after another; the last one stays. */
type Life = readonly (readonly [state: string, check: string])[];

/** A Machines API with these Machines; an update of one begins its life anew. */
function machines(fakes: readonly Fake[], lives: Readonly<Record<string, Life>>) {
  const updated: string[] = [];
  const left = new Map<string, [string, string][]>();
  let serving = Number.POSITIVE_INFINITY;
  const serves = ({ state, check }: Fake) => state === "started" && check === "passing";
  const shown = (fake: Fake) => ({
    id: fake.id,
    state: fake.state,
    region: "nrt",
    instance_id: `i-${fake.id}`,
    config: { stop_config: {}, services: [fake.autostop ? { autostop: fake.autostop } : {}] },
    checks: fake.state === "started" ? [{ name: "health", status: fake.check }] : [],
  });
  const fetchLike: typeof fetch = async (input, init) => {
    const path = new URL(urlOf(input)).pathname.replace(`/v1/apps/${APP}`, "");
    const method = init?.method ?? "GET";
    const [, , id = "", action = ""] = path.split("/");
    const fake = fakes.find((candidate) => candidate.id === id);
    if (path === "/secrets") return Response.json({ secrets: [] });
    if (path === "/machines") return Response.json(fakes.map(shown));
    if (!fake) throw new TypeError(`nobody expected ${path}`);
    if (action === "lease")
      return Response.json({ status: "success", data: { nonce: "n" } }, { status: method === "POST" ? 201 : 200 });
    if (action === "wait") return Response.json({ ok: true });
    if (method === "POST") {
      updated.push(id);
      serving = Math.min(serving, fakes.filter((other) => other !== fake && serves(other)).length);
      left.set(id, [...(lives[id] ?? [["started", "passing"]])] as [string, string][]);
    } else {
      const life = left.get(id);
      const [next] = (life?.length ?? 0) > 1 ? (life?.splice(0, 1) ?? []) : (life ?? []);
      if (next) [fake.state, fake.check] = next;
    }
    return Response.json(shown(fake));
  };
  const environment = testEnvironment();
  const origin = environment.origins.find(({ kind }) => kind === "fly");
  if (origin?.kind !== "fly") throw new TypeError("there is no origin at Fly");
  const context = testContext({ fetch: fetchLike });
  const api = flyApi(context, { baseUrl: "http://127.0.0.1:1", token: "t" });
  return {
    target: flyOrigin(context, api, origin),
    updated,
    slept: () => context.slept.reduce((sum, ms) => sum + ms, 0),
    /** Least number of others that served while one was replaced. */
    serving: () => serving,
  };
}
const running = (...ids: readonly string[]): Fake[] => ids.map((id) => ({ id, state: "started", check: "passing" }));

describe("a rollout whose Machine is started and then", () => {
  it.each<[string, Life, RegExp, number]>([
    [
      "fails its checks",
      [
        ["started", "passing"],
        ["started", "critical"],
      ],
      /m1 .* fails its checks within 5 min$/,
      300,
    ],
    [
      "ends",
      [
        ["started", "passing"],
        ["stopped", ""],
      ],
      /m1 .* started and is stopped again$/,
      15,
    ],
    [
      "fails",
      [
        ["started", "passing"],
        ["failed", ""],
      ],
      /m1 .* started and is failed again$/,
      15,
    ],
    ["ends before its first check", [["stopped", ""]], /m1 .* started and is stopped again$/, 15],
  ])("%s: no other one is replaced", async (_, life, says, seconds) => {
    const { target, updated, slept, serving } = machines(running("m1", "m2"), { m1: life });
    await expect(target.roll("rolling", free)).rejects.toMatchObject({
      code: "ERR_TIMEOUT",
      message: expect.stringMatching(says) as string,
    });
    expect(updated).toEqual(["m1"]);
    expect(serving()).toBe(1);
    expect(slept() / 1000).toBeGreaterThan(seconds - 1);
  });

  it.each<[string, Life]>([
    [
      "restarts and comes back",
      [
        ["started", "passing"],
        ["stopped", ""],
        ["starting", ""],
        ["started", "critical"],
        ["started", "passing"],
      ],
    ],
    [
      "fails one check and comes back",
      [
        ["started", "passing"],
        ["started", "critical"],
        ["started", "passing"],
      ],
    ],
  ])("%s: the others follow once it does", async (_, life) => {
    const { target, updated, serving } = machines(running("m1", "m2"), { m1: life });
    await target.roll("rolling", free);
    expect(updated).toEqual(["m1", "m2"]);
    expect(serving()).toBe(1);
  });

  it("sleeps because nobody asks for it: that is no failure", async () => {
    const fakes = running("m1", "m2").map((fake) => ({ ...fake, autostop: "stop" }));
    const { target, updated } = machines(fakes, {
      m1: [
        ["started", "passing"],
        ["stopped", ""],
      ],
    });
    await target.roll("rolling", free);
    expect(updated).toEqual(["m1", "m2"]);
  });

  it("fails in an emergency: the others are replaced all the same", async () => {
    const { target, updated } = machines(running("m1", "m2", "m3"), { m1: [["stopped", ""]] });
    await expect(target.roll("now", free)).rejects.toMatchObject({ code: "ERR_TIMEOUT" });
    expect(updated.toSorted()).toEqual(["m1", "m2", "m3"]);
  });
});

describe("a rollout that finds a Machine that serves nobody", () => {
  it.each([
    ["fails its checks", "started", "critical"],
    ["is stopped", "stopped", ""],
  ])("because it %s: begins there, and the one that serves counts as alone", async (_, state, check) => {
    const fakes = [...running("m1"), { id: "m2", state, check }];
    const { target, updated } = machines(fakes, {});
    expect(await target.outlook()).toMatchObject({ alone: true });
    await target.roll("rolling", free);
    expect(updated).toEqual(["m2", "m1"]);
  });

  it("and that serves nobody afterwards either: the other one stays", async () => {
    const fakes = [...running("m1"), { id: "m2", state: "started", check: "critical" }];
    const { target, updated } = machines(fakes, { m2: [["started", "critical"]] });
    await expect(target.roll("rolling", free)).rejects.toMatchObject({ code: "ERR_TIMEOUT" });
    expect(updated).toEqual(["m2"]);
  });
});
