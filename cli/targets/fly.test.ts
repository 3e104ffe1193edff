import { describe, expect, it } from "vitest";
import { parseConfig } from "../../contract/config.ts";
import { sandboxEnvironment } from "../../contract/sandbox.ts";
import { testContext, urlOf } from "../test/test-context.ts";
import { flyApi } from "./fly-api.ts";
import { versionTime } from "./fly-configuration.ts";
import { flyOrigin } from "./fly.ts";

const urls = {
  gateway: "http://127.0.0.1:1",
  github: "http://127.0.0.1:2",
  notion: "http://127.0.0.1:9",
  broker: "http://127.0.0.1:10/functions/v1/token-broker",
  cloudflare: "http://127.0.0.1:3",
  koyeb: "http://127.0.0.1:4",
  fly: "http://127.0.0.1:5",
  issuer: "http://127.0.0.1:6/auth/v1",
  database: "",
  control: "",
  origins: { koyeb: "http://127.0.0.1:7", fly: "http://127.0.0.1:8" },
};
const free = async (): Promise<void> => undefined;

/**
 * A Machines API with one Machine, whose lease is held by somebody until `freeAfter` attempts.
 * @param answers instance that the edge brings a question to, whoever was asked for; null = nobody answers
 */
function machines(
  freeAfter: number,
  more: Readonly<Record<string, unknown>> = {},
  holder = "a deploy",
  answers: string | null = null,
) {
  const calls: string[] = [];
  const updates: unknown[] = [];
  const machine = {
    id: "m1",
    state: "started",
    region: "nrt",
    instance_id: "i1",
    config: { metadata: { fly_platform_version: "v2" } },
    ...more,
  };
  let attempts = 0;
  let taken = false;
  const fetchLike: typeof fetch = async (input, init) => {
    const { pathname } = new URL(urlOf(input));
    const call = `${init?.method ?? "GET"} ${pathname.replace("/v1/apps/mcpist-origin", "")}`;
    calls.push(call);
    switch (call) {
      case "GET /machines":
        return Response.json([machine]);
      case "GET /secrets":
        return Response.json({
          secrets: [{ name: "GATEWAY_SECRET_A", digest: "d1", updated_at: "2026-11-22T00:00:00Z" }],
        });
      case "POST /machines/m1/lease":
        return ++attempts <= freeAfter && !taken
          ? Response.json({ error: "lease currently held" }, { status: 409 })
          : Response.json({ status: "success", data: { nonce: "n1" } }, { status: 201 });
      case "GET /machines/m1/lease":
        return Response.json({ status: "success", data: { nonce: "n0", description: holder } });
      case "POST /machines/m1":
        updates.push(JSON.parse(typeof init?.body === "string" ? init.body : "null"));
        return Response.json({ id: "m1", instance_id: "i2" });
      case "GET /machines/m1/wait":
        return Response.json({ ok: true });
      case "GET /machines/m1":
        return Response.json({ ...machine, checks: [{ status: "passing" }] });
      case "DELETE /machines/m1/lease":
        if (new Headers(init?.headers).get("fly-machine-lease-nonce") === "n0") taken = true;
        return Response.json({ status: "success" });
      case "GET /.well-known/mcpist/gateway":
        if (answers === null) throw new TypeError("nobody is there");
        return Response.json({
          role: "origin",
          instanceId: answers,
          deployment: "i1",
          kids: { a: "0123456789abcdef", b: null },
          lastAccepted: {},
        });
      default:
        throw new TypeError(`nobody expected ${call}`);
    }
  };
  const context = testContext({ fetch: fetchLike });
  const parsed = parseConfig({ environments: { sandbox: sandboxEnvironment(urls) } });
  const environment = parsed.ok ? parsed.value.environments["sandbox"]! : undefined;
  const origin = environment!.origins.find((candidate) => candidate.kind === "fly")!;
  return {
    calls,
    updates,
    context,
    target: flyOrigin(context, flyApi(context, { baseUrl: urls.fly, token: "fo1_test" }), origin),
  };
}

describe("rolling a Fly Machine", () => {
  it("takes a lease back that a killed run left behind, at once", async () => {
    const { calls, context, target } = machines(Number.POSITIVE_INFINITY, {}, "mcpist secrets rotate");
    await target.roll("rolling", free);
    expect(context.slept).toEqual([]);
    expect(calls.filter((call) => call.includes("lease")).slice(0, 4)).toEqual([
      "POST /machines/m1/lease",
      "GET /machines/m1/lease",
      "DELETE /machines/m1/lease",
      "POST /machines/m1/lease",
    ]);
  });

  it("takes the lease of a deploy in an emergency only, and not at once", async () => {
    const { context, target } = machines(Number.POSITIVE_INFINITY);
    await target.roll("now", free);
    const waited = context.slept.reduce((sum, ms) => sum + ms, 0);
    expect([waited > 8000, waited < 20_000]).toEqual([true, true]);
  });

  it("waits for the lease of a deploy, then updates and gives its own back", async () => {
    const { calls, context, target } = machines(3);
    await target.roll("rolling", free);
    expect(calls.filter((call) => call === "POST /machines/m1/lease")).toHaveLength(4);
    expect(context.slept.length).toBeGreaterThanOrEqual(3);
    expect(calls.indexOf("DELETE /machines/m1/lease")).toBeGreaterThan(calls.indexOf("POST /machines/m1"));
    // The Machine boots after the lease is back, so that a run that is killed while it waits blocks nobody.
    expect(calls.indexOf("GET /machines/m1/wait")).toBeGreaterThan(calls.indexOf("DELETE /machines/m1/lease"));
  });

  it("lists the Machines once for what is asked before it and for the rollout, and anew for the next one", async () => {
    const { calls, target } = machines(0);
    const lists = () => calls.filter((call) => call === "GET /machines").length;
    expect(await target.outlook()).toEqual({ alone: true, short: ["m1"] });
    await target.roll("rolling", free);
    expect(lists()).toBe(1);
    await target.roll("rolling", free);
    expect(lists()).toBe(2);
  });

  it("gives a Machine the time that its calls need before it is killed", async () => {
    const { updates, target } = machines(0);
    await target.roll("rolling", free);
    expect(updates).toEqual([
      expect.objectContaining({
        config: expect.objectContaining({ stop_config: { signal: "SIGTERM", timeout: "65s" } }) as unknown,
      }),
    ]);
  });

  it("names the Machine and the way out when the lease is never given back", async () => {
    const { target } = machines(Number.POSITIVE_INFINITY);
    await expect(target.roll("rolling", free)).rejects.toMatchObject({
      code: "ERR_TIMEOUT",
      hint: expect.stringContaining("fly machine leases view m1"),
    });
  });
});

describe("the Machines at Fly.io", () => {
  it("are asked one by one: what another Machine answers says nothing of the one that was asked", async () => {
    expect(await machines(0, {}, "a deploy", "m1").target.look()).toMatchObject({
      ok: true,
      instances: [{ id: "m1", kids: { a: "0123456789abcdef", b: null } }],
    });
    expect(await machines(0, {}, "a deploy", "m2").target.look()).toMatchObject({
      ok: false,
      reason: "Machine m1 (started) does not answer",
    });
  });
});

describe("a Machine whose host Fly cannot reach", () => {
  const lost = { host_status: "unreachable", config: null, incomplete_config: { metadata: {} } };

  it("ends a rollout before anything is changed, with its host's state and what to do", async () => {
    const { calls, target } = machines(0, lost);
    await expect(target.roll("rolling", free)).rejects.toMatchObject({
      code: "ERR_VENDOR",
      message:
        "Fly.io cannot reach the host of Machine m1 of mcpist-origin (host_status unreachable), so it cannot be updated",
      hint: expect.stringContaining("fly machine destroy m1 --force -a mcpist-origin"),
    });
    expect(calls.filter((call) => !call.startsWith("GET"))).toEqual([]);
  });

  it("is named with its host where it does not answer", async () => {
    const { target } = machines(0, lost);
    expect(await target.look()).toMatchObject({
      ok: false,
      reason: "Machine m1 (its host is unreachable) does not answer",
    });
  });
});

describe("the time of a Machine version", () => {
  it("is read from its ULID, and not guessed from anything else", () => {
    expect(versionTime("01ARZ3NDEKTSV4RRFFQ69G5FAV")).toBe(1_469_922_850_259);
    expect(versionTime("01arz3ndektsv4rrffq69g5fav")).toBe(1_469_922_850_259);
    expect(versionTime("148e21b7c03d89")).toBeNaN();
  });
});

describe("a rollout over many Machines", () => {
  /** A Machines API with `count` Machines; a boot ends when the test says so. */
  function fleet(count: number) {
    const booting = new Map<string, () => void>();
    const context = testContext({
      fetch: async (input, init) => {
        const { pathname } = new URL(urlOf(input));
        const [, id = ""] = /machines\/(m\d+)/.exec(pathname) ?? [];
        const method = init?.method ?? "GET";
        const state = { id, state: "started", region: "nrt", instance_id: "i1", config: {}, checks: [] };
        if (pathname.endsWith("/machines"))
          return Response.json(Array.from({ length: count }, (_, i) => ({ ...state, id: `m${i}` })));
        if (pathname.endsWith("/secrets")) return Response.json({ secrets: [] });
        if (pathname.endsWith("/lease"))
          return Response.json({ status: "success", data: { nonce: "n" } }, { status: method === "POST" ? 201 : 200 });
        if (pathname.endsWith("/wait")) {
          await new Promise<void>((resolve) => booting.set(id, resolve));
          booting.delete(id);
          return Response.json({ ok: true });
        }
        return Response.json(method === "POST" ? { ...state, instance_id: "i2" } : state);
      },
    });
    const parsed = parseConfig({ environments: { sandbox: sandboxEnvironment(urls) } });
    const environment = parsed.ok ? parsed.value.environments["sandbox"]! : undefined;
    const origin = environment!.origins.find((candidate) => candidate.kind === "fly")!;
    const target = flyOrigin(context, flyApi(context, { baseUrl: urls.fly, token: "fo1_test" }), origin);
    /** Lets every wave boot; @returns how many Machines were away in each. */
    const waves = async (rolled: Promise<void>): Promise<readonly number[]> => {
      const away: number[] = [];
      const state = { done: false };
      const ended = rolled.finally(() => (state.done = true));
      while (!state.done) {
        for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
        if (booting.size === 0) continue;
        away.push(booting.size);
        for (const end of booting.values()) end();
      }
      await ended;
      return away;
    };
    return { target, waves };
  }

  it.each([
    [1, [1]],
    [2, [1, 1]],
    [3, [1, 1, 1]],
    [12, [4, 4, 4]],
    [50, [17, 17, 16]],
  ])("(%i) keeps two thirds serving, and takes no longer than three boots", async (count, away) => {
    const { target, waves } = fleet(count);
    expect(await waves(target.roll("rolling", free))).toEqual(away);
  });
});
