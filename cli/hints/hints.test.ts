/** What holds for every hint: it is in the registry, and each command of ours in it exists. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { run } from "../program.ts";
import { testContext } from "../test/test-context.ts";
import { hint, mcpist, Place, say, wrangler } from "./hint.ts";
import { HINTS, idOf } from "./hints.ts";

const CLI = fileURLToPath(new URL("..", import.meta.url));
const sources = readdirSync(CLI, { recursive: true, encoding: "utf8" }).filter(
  (name) => name.endsWith(".ts") && !name.endsWith(".test.ts"),
);
const read = (name: string): string => readFileSync(CLI + name, "utf8");

/** The call that a text begins with, up to its last bracket. */
function call(text: string): string {
  let depth = 0;
  for (let i = text.indexOf("("); i < text.length; i++) {
    if (/[([{]/.test(text[i] ?? "")) depth++;
    if (/[)\]}]/.test(text[i] ?? "") && --depth === 0) return text.slice(0, i + 1);
  }
  return text;
}

describe("the registry", () => {
  it("is the only place that makes an entry", () => {
    const makers = sources.filter((name) => /import \{[^}]*\bhint\b[^}]*\} from "[./]*hint\.ts"/.test(read(name)));
    expect(makers.filter((name) => !name.startsWith("hints/"))).toEqual([]);
    expect(() => idOf(hint("you", "an entry of nobody's", () => say`do something`)())).toThrow("not in the registry");
    expect(idOf(HINTS.again())).toBe("again");
  });

  it("is asked by every error: none ends without what to do", () => {
    const product = sources.filter((name) => !name.startsWith("test/"));
    const errors = product.flatMap((name) =>
      [...read(name).matchAll(/new McpistError\(/g)].map(({ index }) => ({
        name,
        text: call(read(name).slice(index)),
      })),
    );
    expect(errors.length).toBeGreaterThan(100);
    expect(errors.filter(({ text }) => !/\bhint\b/.test(text))).toEqual([]);
  });

  const commands = sources
    .filter((name) => name.startsWith("hints/"))
    .flatMap((name) => [...read(name).matchAll(/\bmcpist\(\s*[`"]([^`"]+)[`"]/g)].map(([, words = ""]) => words));
  it("has the commands", () => expect(commands.length).toBeGreaterThan(30));
  it.each([...new Set(commands)])(
    "names a command that there is, with options that it has: mcpist %s",
    async (words) => {
      const path = words.split(" ").filter((word) => /^[a-z]+$/.test(word));
      const context = testContext();
      expect(await run([...path.slice(0, words.startsWith("--") ? 0 : 2), "--help"], context)).toBe(0);
      for (const option of words.match(/--[a-z-]+/g) ?? []) expect(context.out()).toContain(option);
    },
  );
});

describe("a command in a hint", () => {
  it("carries environment, file and Worker as soon as they are known, quoted where a shell needs it", () => {
    const place = new Place();
    const [entry] = [
      hint("you", "x", () => say`${mcpist("secrets verify")}; ${wrangler("deployments list")}; ${mcpist("db status")}`),
    ];
    expect(entry().text(place)).toBe("mcpist secrets verify; npx wrangler deployments list; mcpist db status");
    place.env = "production";
    place.config = "my config's.ts";
    place.worker = "gw";
    expect(entry().text(place)).toBe(
      "mcpist secrets verify --env production --config 'my config'\\''s.ts'; npx wrangler deployments list --name gw; mcpist db status",
    );
  });
});
