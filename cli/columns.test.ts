/** A terminal has 80 columns: what people read is measured line by line, whichever command printed it. */
import { describe, expect, it } from "vitest";
import { K1, needing, overwrite, steady } from "./test/scenario.ts";
import type { FakeCloud } from "./test/fake-cloud.ts";
import { desk, FLAGS, type } from "./test/follow.ts";

/** A command of which nobody can say how long it is: it is copied as one line. */
const COMMAND =
  /^\s*(?:(?:hint|next|page): +|-> +|\d+\. +)?(?:MCPIST_ENV=\S+ )?(?:npm|npx|mcpist|docker|export|eval|fly|git|gh|node) /;

/** Lines that do not fit, as they were printed. */
async function tooLong(argv: string, cloud?: FakeCloud, env: Record<string, string> = {}): Promise<readonly string[]> {
  const place = desk({ ...(cloud ? { cloud } : {}), terminal: true, columns: 80, env });
  const { text } = await type(place, [...argv.split(" "), ...(/^(?:init|help)/.test(argv) ? [] : FLAGS)]);
  expect(text).not.toBe("");
  return text.split("\n").filter((line) => line.length > 80 && !COMMAND.test(line));
}

const unequal = (): FakeCloud => {
  const cloud = steady();
  overwrite(cloud, "koyeb", { a: K1, b: K1 });
  return cloud;
};

/** With as much in its journal as a rotation leaves there. */
async function rotated(): Promise<FakeCloud> {
  const cloud = steady();
  await type(desk({ cloud }), ["secrets", "rotate", "--yes", ...FLAGS]);
  return cloud;
}

describe("no line of more than 80 columns is printed by", () => {
  it.each<[string, (() => FakeCloud | Promise<FakeCloud>)?]>([
    ["secrets status", steady],
    ["secrets status", unequal],
    ["secrets verify", steady],
    ["secrets verify", unequal],
    ["secrets list", steady],
    ["secrets list", () => needing("DATABASE_URL")],
    ["secrets history", steady],
    ["secrets history", rotated],
    ["secrets rotate --yes", steady],
    ["secrets rotate --yes", unequal],
    ["secrets rotate --dry-run", steady],
    ["secrets rotate --emergency fast --yes", steady],
    ["secrets rotate --emergency now --yes", steady],
    ["secrets rotate --emergency now --dry-run", steady],
    ["secrets rollback --yes", steady],
    ["secrets restore koyeb --yes", steady],
    ["secrets put NOTHING", steady],
    ["origins quarantine koyeb --yes", steady],
    ["origins join koyeb --yes", steady],
    ["doctor"],
    ["doctor --deploy"],
    ["whoami"],
    ["deploy"],
    ["deploy --base --first"],
    ["drift"],
    ["db status"],
    ["db migrate --yes"],
    ["tools list"],
    ["access list"],
    ["origin build"],
    ["origin check http://origin.example.com"],
    ["jwks purge", steady],
    ["init --yes"],
    [
      "init --yes --domain mcp.example.com --repo acme/mcp --account 0123456789abcdef0123456789abcdef --supabase abcdefghijklmnopqrst --koyeb-url https://mcpist-acme.koyeb.app --fly-app mcpist-acme",
    ],
  ])("%s", async (argv, world) => {
    expect(await tooLong(argv, await world?.())).toEqual([]);
  });
});
