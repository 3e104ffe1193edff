import { afterEach, expect, it } from "vitest";
import { parseOriginObservation } from "../../contract/observation.ts";
import type { Instance } from "./instance.ts";
import { startLight } from "./light.ts";

const ONE = "0123456789abcdeffedcba98765432100f1e2d3c4b5a69788796a5b4c3d2e1f0";
let instance: Instance | null = null;
afterEach(() => instance?.stop());

const start = (extra: Readonly<Record<string, string>> = {}) =>
  startLight(
    {
      GATEWAY_SECRET_A: ONE,
      GATEWAY_SECRET_B: "revoked:0000000000000000",
      FLY_MACHINE_ID: "m1",
      FLY_MACHINE_VERSION: "v1",
      ...extra,
    },
    { id: "fly m1", log: () => undefined },
  );
const observe = async (secret?: string) => {
  const headers = secret === undefined ? {} : { "x-gateway-secret": secret };
  const response = await fetch(`${instance?.url}/.well-known/mcpist/gateway`, { headers });
  return parseOriginObservation(await response.json());
};

it("reports what an origin reports, and lets in who shows an accepted secret", async () => {
  instance = await start();
  expect(await observe()).toMatchObject({
    instanceId: "m1",
    deployment: "v1",
    kids: { b: "revoked:0000000000000000" },
  });
  expect((await observe(ONE))?.accepted).toBe(true);
  expect((await observe("0".repeat(64)))?.accepted).toBe(false);
  const call = async (secret: string) =>
    (
      await fetch(`${instance?.url}/mcp`, {
        method: "POST",
        headers: { "x-gateway-secret": secret },
        body: '{"jsonrpc":"2.0","id":7}',
      })
    ).text();
  expect(await call(ONE)).toBe('{"jsonrpc":"2.0","id":7,"result":{}}');
  expect(await call("wrong")).toBe('{"error":"forbidden"}');
  expect(Object.values((await observe())?.lastAccepted ?? {})).toEqual([0]);
});

it("does not start without a valid slot", async () => {
  await expect(start({ GATEWAY_SECRET_A: "revoked:0000000000000000" })).rejects.toThrow("no valid gateway secret");
});

it("answers nothing while it is suspended, and all of it afterwards", async () => {
  instance = await start();
  instance.suspend();
  expect(await instance.healthy("/health", 50)).toBe(false);
  const waiting = observe();
  instance.resume();
  expect((await waiting)?.instanceId).toBe("m1");
});

it("ends, tells so, and can be ended twice", async () => {
  instance = await start();
  await Promise.all([instance.stop(), instance.stop()]);
  expect(await instance.exited).toEqual({ code: 0 });
  expect(instance.state).toBe("exited");
});
