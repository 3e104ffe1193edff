import { describe, expect, it } from "vitest";
import type { Permissions } from "../sieve/permissions.ts";
import { createRunning } from "./running.ts";

const USER = "6f1c2a34-0000-4000-8000-000000000001";
const may = (active: boolean, ...tools: readonly string[]): Permissions =>
  ({ active, allowed: new Map([["lab", new Map(tools.map((tool) => [tool, {}]))]]) }) as unknown as Permissions;

/** Calls of one user that run: one whose tool is known, and one of which nothing is known yet. */
function begun() {
  const stopped: string[] = [];
  const running = createRunning();
  running.begin(USER, { target: { module: "lab", tool: "effect" }, stop: () => void stopped.push("effect") });
  running.begin(USER, { target: null, stop: () => void stopped.push("unknown") });
  running.begin("another", { target: { module: "lab", tool: "effect" }, stop: () => void stopped.push("another's") });
  return { running, stopped };
}

describe("calls that run", () => {
  it.each<[string, Permissions | null, readonly string[]]>([
    ["may do what they do", may(true, "effect"), []],
    ["has lost the tool", may(true, "read"), ["effect"]],
    ["has lost everything", may(true), ["effect"]],
    ["is suspended, with every grant still there", may(false, "effect"), ["effect", "unknown"]],
    ["is gone", null, ["effect", "unknown"]],
  ])("are stopped as far as it has to be when their user %s", (_, user, expected) => {
    const { running, stopped } = begun();
    expect(running.keep(USER, user)).toBe(expected.length);
    expect(stopped).toEqual(expected);
  });
});
