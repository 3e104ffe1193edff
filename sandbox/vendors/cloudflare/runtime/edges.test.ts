import { describe, expect, it } from "vitest";
import type { Deployment, Share } from "../model.ts";
import { chooseVersion, EDGES, edgeOf, lagOf, overrideFor, pointOf } from "./edges.ts";

const deployment = (...shares: [string, number][]): Deployment => ({
  id: "d",
  number: 1,
  createdOn: "",
  source: "api",
  annotations: {},
  shares: shares.map(([versionId, percentage]): Share => ({ versionId, percentage })),
});

describe("edge locations", () => {
  it("are chosen by the client's address, so that four neighbours meet all of them", () => {
    expect(new Set([0, 1, 2, 3].map((last) => edgeOf(`127.0.1.${last}`)))).toEqual(new Set(EDGES));
    expect(edgeOf("127.0.1.7")).toBe(edgeOf("127.0.1.7"));
  });

  it("learn of a deployment one after another, the last one after the full lag, and the slow one changes", () => {
    const lags = (number: number) => EDGES.map((edge) => lagOf(edge, number, 800));
    expect(lags(1).toSorted((a, b) => a - b)).toEqual([200, 400, 600, 800]);
    expect(lags(1).indexOf(800)).not.toBe(lags(2).indexOf(800));
    expect(EDGES.map((edge) => lagOf(edge, 1, 0))).toEqual([0, 0, 0, 0]);
  });
});

describe("the version of a request", () => {
  it("follows the percentages", () => {
    const split = deployment(["old", 90], ["new", 10]);
    const chosen = Array.from({ length: 1000 }, (_, index) => chooseVersion(split, null, index / 1000));
    expect(chosen.filter((version) => version === "new")).toHaveLength(100);
  });

  it("is never one at 0 %, unless the override header asks for it", () => {
    const zero = deployment(["old", 100], ["new", 0]);
    expect(chooseVersion(zero, null, 0)).toBe("old");
    expect(chooseVersion(zero, null, 0.999_999)).toBe("old");
    expect(chooseVersion(zero, "new", 0)).toBe("new");
  });

  it("ignores an override for a version that is not in the deployment", () => {
    expect(chooseVersion(deployment(["old", 100]), "new", 0.5)).toBe("old");
  });

  it("is the same for the same version key", () => {
    expect(pointOf("user-1")).toBe(pointOf("user-1"));
    const points = Array.from({ length: 500 }, (_, index) => pointOf(`user-${index}`));
    expect(points.every((point) => point >= 0 && point < 1)).toBe(true);
    expect(points.filter((point) => point < 0.5).length).toBeGreaterThan(150);
  });

  it.each([
    [`gw="v1"`, "v1"],
    [`other="v0", gw="v1"`, "v1"],
    [`other="v0"`, null],
    [`gw=v1`, null],
    [`xgw="v1"`, null],
    ["", null],
    [undefined, null],
  ])("reads the override header %s", (header, version) => {
    expect(overrideFor("gw", header)).toBe(version);
  });
});
