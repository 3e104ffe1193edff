import { describe, expect, it } from "vitest";
import { testContext } from "../test/test-context.ts";
import { deploymentList } from "./deployment-list.ts";

/** Ids, newest first; the last reading for ever. */
function lists(...readings: readonly string[]) {
  let reads = 0;
  const context = testContext();
  const list = deploymentList(context, async () => {
    const ids = readings[Math.min(reads++, readings.length - 1)] ?? "";
    return Array.from(ids, (id) => ({ id, shares: [], message: "" }));
  });
  const newest = async (): Promise<string | undefined> => (await list())[0]?.id;
  return { context, newest, reads: () => reads };
}

describe("the list of deployments", () => {
  it("is believed as long as it goes on, a rollback included, which is a new deployment", async () => {
    const { context, newest } = lists("", "a", "a", "ba", "cba");
    expect([await newest(), await newest(), await newest(), await newest(), await newest()]).toEqual([
      undefined,
      "a",
      "a",
      "b",
      "c",
    ]);
    expect(context.slept).toEqual([]);
  });

  it.each([
    ["an older one", "a"],
    ["none at all", ""],
  ])("is read again where it shows %s after a newer one", async (_, behind) => {
    const { context, newest, reads } = lists("a", "ba", behind, behind, "ba");
    expect([await newest(), await newest(), await newest()]).toEqual(["a", "b", "b"]);
    expect(reads()).toBe(5);
    expect(context.slept).toHaveLength(2);
  });

  it("is not waited for longer than any list lags", async () => {
    const { newest } = lists("ba", "a");
    expect(await newest()).toBe("b");
    await expect(newest()).rejects.toMatchObject({
      code: "ERR_VENDOR",
      message: "Cloudflare shows older deployments of the Worker than it did before",
    });
  });
});
