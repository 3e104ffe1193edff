import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { run } from "../program.ts";
import { testContext } from "../test/test-context.ts";

async function script(shell: string): Promise<string> {
  const context = testContext();
  expect(await run(["completion", shell], context)).toBe(0);
  return context.out();
}

/** What bash offers for each of these lines; the last word is the one that is being typed. */
async function offered(lines: readonly (readonly string[])[]): Promise<readonly (readonly string[])[]> {
  const asks = lines.map((words) => {
    const list = ["mcpist", ...words].map((word) => `'${word}'`).join(" ");
    return `COMP_WORDS=(${list}); COMP_CWORD=${words.length}; _mcpist; echo "\${COMPREPLY[*]}"`;
  });
  const text = `${await script("bash")}\n${asks.join("\n")}\n`;
  const out = execFileSync("bash", ["--norc", "-u"], { input: text, encoding: "utf8" });
  return out
    .replace(/\n$/, "")
    .split("\n")
    .map((line) => line.split(" ").filter((word) => word !== ""));
}

describe("mcpist completion", () => {
  it("offers in bash what may follow, also behind options and for what nothing follows", async () => {
    const [first, groups, rotate, option, unknown] = await offered([
      ["se"],
      ["secrets", "ro"],
      ["secrets", "--env", "production", "rotate", "--em"],
      ["demo", "--us"],
      ["secrets", "rotate", "zzz"],
    ]);
    expect(first).toEqual(["secrets"]);
    expect(groups).toEqual(["rotate", "rollback"]);
    expect(rotate).toEqual(["--emergency"]);
    expect(option).toEqual(["--users"]);
    expect(unknown).toEqual([]);
  });

  it("has the same for zsh, and each command for fish", async () => {
    expect(await script("zsh")).toMatch(/^autoload -U \+X bashcompinit && bashcompinit\n_mcpist\(\)/);
    const fish = await script("fish");
    expect(fish).toContain(`complete -c mcpist -n "__mcpist_at 'secrets rotate'" -l emergency`);
    expect(fish).toContain(`complete -c mcpist -n "__mcpist_at 'origins'" -f -a 'quarantine join'`);
  });

  it("takes no other shell", async () => {
    const context = testContext();
    expect(await run(["completion", "tcsh"], context)).toBe(2);
    expect(context.err()).toContain("bash, zsh, fish");
  });
});
