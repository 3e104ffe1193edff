/** docs/security/credentials.md is complete: what a workflow or the tool uses is in it, and nothing else. */
import { describe, expect, it } from "vitest";
import { SLOT_VARIABLES } from "../../contract/gateway-secret.ts";
import { SECRETS } from "../../contract/secret-names.ts";
import { readTracked, trackedFiles } from "./repository.ts";

const page = readTracked("docs/security/credentials.md");
/** First cells of the table under a heading. */
const named = (heading: string): readonly string[] =>
  [...(page.split(`## ${heading}\n`)[1]?.split("\n## ")[0] ?? "").matchAll(/^\| `(\w+)`/gm)].map(
    ([, name = ""]) => name,
  );

/** Names of secrets in workflows, but for the token that every job has. */
export const usedIn = (text: string): readonly string[] => [
  ...new Set(
    [...text.matchAll(/\bsecrets\.(\w+)/g)].map(([, name = ""]) => name).filter((name) => name !== "GITHUB_TOKEN"),
  ),
];

describe("credentials.md", () => {
  it("names every secret of a workflow, and none that no workflow uses", () => {
    const workflows = trackedFiles().filter((path) => path.startsWith(".github/workflows/"));
    const used = usedIn(workflows.map(readTracked).join("\n"));
    // Slots, and the lone secret of an installation that is older than they are.
    expect(used.filter((name) => !name.startsWith("GATEWAY_SECRET")).toSorted()).toEqual(
      named("Platform tokens, in a GitHub environment").toSorted(),
    );
    expect(used.length).toBeGreaterThan(4);
  });

  it("names every secret that mcpist keeps itself", () => {
    const own = [...Object.values(SLOT_VARIABLES), ...SECRETS.map(({ name }) => name)];
    expect(named("What mcpist keeps itself").toSorted()).toEqual(own.toSorted());
  });

  it("would notice one that is used without a line", () => {
    expect(usedIn("${{ secrets.NEW_TOKEN }} ${{ secrets.GITHUB_TOKEN }} ${{ secrets.NEW_TOKEN }}")).toEqual([
      "NEW_TOKEN",
    ]);
  });
});
