/**
 * The sieve against a model: two origins on one database, users and tools that change in any order, caches that expire, polls that
 * come when they come. At every moment each origin lists, allows and runs exactly what the model says that it must know by then.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PERMISSIONS_TTL_MS } from "../../sieve/permissions.ts";
import type { TestDatabase } from "../database.ts";
import { createLab } from "../modules.ts";
import { callTool, getSchema, newRequestId, newUser, resultOf, startOrigin, type TestOrigin } from "../origin.ts";

const REFUSED = "This module or tool does not exist or is not available to you.";
const TOOLS = ["read", "effect", "upsert"] as const;
type ToolName = (typeof TOOLS)[number];
const USERS = [0, 1] as const;
const ORIGINS = [0, 1] as const;

type Step =
  | { readonly do: "grant" | "revoke"; readonly user: number; readonly tool: ToolName }
  | { readonly do: "suspend" | "activate"; readonly user: number }
  | { readonly do: "on" | "off"; readonly tool: ToolName }
  | { readonly do: "wait"; readonly ms: number }
  | { readonly do: "poll"; readonly origin: number }
  | { readonly do: "list"; readonly origin: number; readonly user: number }
  | { readonly do: "call"; readonly origin: number; readonly user: number; readonly tool: ToolName };

const user = fc.constantFrom(...USERS);
const origin = fc.constantFrom(...ORIGINS);
const toolName = fc.constantFrom(...TOOLS);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constantFrom("grant" as const, "revoke" as const), user, tool: toolName }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("suspend" as const, "activate" as const), user }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("on" as const, "off" as const), tool: toolName }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(1, 150_000, PERMISSIONS_TTL_MS) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("poll" as const), origin }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("list" as const), origin, user }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("call" as const), origin, user, tool: toolName }) },
);

/** What one origin knows of one user; null tools = suspended. */
interface Known {
  readonly tools: readonly ToolName[] | null;
  readonly version: number;
  readonly loadedAt: number;
}

/** The truth, and what each origin has seen of it. */
class Model {
  now = 0;
  readonly #granted = USERS.map(() => new Set<ToolName>());
  readonly #active = USERS.map(() => true);
  readonly #version = USERS.map(() => 0);
  readonly #on = new Set<ToolName>(TOOLS);
  readonly #known = ORIGINS.map(() => new Map<number, Known>());

  /** @returns whether anything is to be done. */
  grant(who: number, tool: ToolName, granted: boolean): boolean {
    const grants = this.#granted[who];
    if (!grants || grants.has(tool) === granted) return false;
    if (granted) grants.add(tool);
    else grants.delete(tool);
    this.#touch(who);
    return true;
  }
  setActive(who: number, active: boolean): void {
    if (this.#active[who] !== active) this.#touch(who);
    this.#active[who] = active;
  }
  switchTool(tool: ToolName, on: boolean): void {
    if (on) this.#on.add(tool);
    else this.#on.delete(tool);
    for (const who of USERS) if (this.#granted[who]?.has(tool)) this.#touch(who);
  }
  poll(at: number): void {
    for (const [who, { version }] of this.#known[at] ?? [])
      if (version !== this.#version[who]) this.#known[at]?.delete(who);
  }
  /** What the origin must believe, after having asked the database where its knowledge is too old. */
  believes(at: number, who: number): readonly ToolName[] | null {
    const known = this.#known[at]?.get(who);
    if (known && this.now - known.loadedAt < PERMISSIONS_TTL_MS) return known.tools;
    const tools = this.#active[who]
      ? TOOLS.filter((tool) => this.#granted[who]?.has(tool) && this.#on.has(tool))
      : null;
    this.#known[at]?.set(who, { tools, version: this.#version[who] ?? 0, loadedAt: this.now });
    return tools;
  }
  #touch(who: number): void {
    this.#version[who] = (this.#version[who] ?? 0) + 1;
  }
}

export function describeSieveModel(database: () => TestDatabase): void {
  describe("Tool Sieve, any history", () => {
    async function follow(steps: readonly Step[]): Promise<void> {
      const { admin } = database();
      const model = new Model();
      const lab = createLab();
      const origins = await Promise.all(
        ["koyeb", "fly"].map((name) =>
          startOrigin(database(), {
            name,
            lab,
            now: () => model.now,
            wrap: (inner) => ({ ...inner, listen: () => Promise.reject(new Error("polls only")) }),
          }),
        ),
      );
      const ids = await Promise.all(USERS.map(() => newUser(database())));
      const idOf = (who: number): string => ids[who] ?? "";
      const at = (index: number): TestOrigin => origins[index] as TestOrigin;

      async function list(index: number, who: number): Promise<void> {
        const expected = model.believes(index, who);
        const response = await getSchema(at(index), idOf(who));
        if (expected === null) return expect(response.status).toBe(403);
        const { structuredContent } = await resultOf(response);
        expect(structuredContent?.["modules"]).toEqual(
          expected.length === 0 ? [] : [expect.objectContaining({ tools: expected })],
        );
      }
      async function call(index: number, who: number, tool: ToolName): Promise<void> {
        const expected = model.believes(index, who);
        const requestId = newRequestId();
        const response = await callTool(at(index), idOf(who), "lab", tool, {}, { requestId });
        if (expected === null) expect(response.status).toBe(403);
        else {
          const { isError, content } = await resultOf(response);
          expect([isError === true, content[0]?.text === REFUSED]).toEqual(
            expected.includes(tool) ? [false, false] : [true, true],
          );
        }
        const runs = lab.effects.filter((mark) => mark === requestId).length;
        expect(runs).toBe(tool !== "read" && expected?.includes(tool) ? 1 : 0);
      }
      async function take(next: Step): Promise<void> {
        switch (next.do) {
          case "grant":
          case "revoke":
            if (model.grant(next.user, next.tool, next.do === "grant"))
              await admin.query(`select mcpist.${next.do}_tool($1::uuid, 'lab', $2, 'test')`, [
                idOf(next.user),
                next.tool,
              ]);
            return;
          case "suspend":
          case "activate":
            model.setActive(next.user, next.do === "activate");
            await admin.query("select mcpist.set_status($1::uuid, $2)", [
              idOf(next.user),
              next.do === "activate" ? "active" : "suspended",
            ]);
            return;
          case "on":
          case "off":
            model.switchTool(next.tool, next.do === "on");
            await admin.query("select mcpist.set_tool_enabled('lab', $1, $2)", [next.tool, next.do === "on"]);
            return;
          case "wait":
            model.now += next.ms;
            return;
          case "poll":
            model.poll(next.origin);
            await at(next.origin).assembled.pollPermissions();
            return;
          case "list":
            return list(next.origin, next.user);
          case "call":
            return call(next.origin, next.user, next.tool);
        }
      }

      try {
        for (const next of steps) await take(next);
        // Whatever happened: after a poll both origins know the truth.
        for (const index of ORIGINS) {
          await take({ do: "poll", origin: index });
          for (const who of USERS) {
            await list(index, who);
            for (const tool of TOOLS) await call(index, who, tool);
          }
        }
      } finally {
        await Promise.all(origins.map((running) => running.stop()));
        for (const tool of TOOLS) await admin.query("select mcpist.set_tool_enabled('lab', $1, true)", [tool]);
      }
    }

    it("lists, allows and runs what each origin must know by then, and nothing else", async () => {
      const numRuns = database().kind === "pglite" ? 25 : 15;
      await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60 }), follow), { numRuns });
    });
  });
}
