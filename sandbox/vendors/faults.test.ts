import { expect, test } from "vitest";
import { Faults, type FaultRule } from "./faults.ts";

const effect = { kind: "status", when: "before", status: 503 } as const;

/** Which of the first ten matching calls a rule hits. */
function hits(rule: Partial<FaultRule>): number[] {
  const faults = new Faults();
  faults.add({ vendor: "koyeb", effect, ...rule });
  return Array.from({ length: 10 }, (_, i) => i + 1).filter(
    () => faults.record("koyeb", "GET", "/v1/secrets?limit=1").effects.length > 0,
  );
}

test.each<[string, Partial<FaultRule>, number[]]>([
  ["without a count, every matching call", {}, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]],
  ["from the n-th on", { nth: 8 }, [8, 9, 10]],
  ["so many times", { nth: 3, times: 2 }, [3, 4]],
  ["every so-many-th", { nth: 2, every: 3 }, [2, 5, 8]],
  ["not for another method", { method: "POST" }, []],
  ["for a path that matches", { path: "^/v1/secrets", nth: 10 }, [10]],
  ["not for a path that does not match", { path: "/v1/apps" }, []],
  ["not for another platform", { platform: "fly" }, []],
])("a rule hits %s", (_name, rule, expected) => {
  expect(hits(rule)).toEqual(expected);
});

test("a removed rule hits nothing, and the log of calls keeps no traffic", () => {
  const faults = new Faults();
  const id = faults.add({ vendor: "github", effect });
  faults.remove(id);
  expect(faults.record("github", "PUT", "/x").effects).toEqual([]);
  faults.record("gateway", "POST", "/mcp");
  expect(faults.calls).toEqual([{ vendor: "github", method: "PUT", path: "/x", status: 0, gone: false, known: true }]);
});
