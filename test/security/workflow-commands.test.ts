/** What the real workflows run, word for word: a step that looks at less than it should breaks no rule of the policy. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { readWorkflow } from "./workflow.ts";

describe("what the workflows run", () => {
  const read = (name: string) =>
    readWorkflow(readFileSync(new URL(`../../.github/workflows/${name}`, import.meta.url), "utf8"));
  const EVEN_AFTER_FAILURE = "success() || failure()";

  it("deploy verifies before and after, also after a failure, and compares the live secret", () => {
    const steps = read("deploy.yml").jobs.flatMap((job) => job.steps);
    expect(steps.slice(3).map(({ node, run }) => [node["name"], node["if"], run?.trim()])).toEqual([
      [undefined, undefined, "npm ci"],
      ["Synthesize and hold the result against the policy", undefined, "npm run synth"],
      ["Refuse a state that would die with this machine", undefined, expect.stringContaining("exit 1")],
      ["Look before", undefined, 'exec node cli/main.ts secrets verify --json > "$RUNNER_TEMP/before.json"'],
      ["What it saw", EVEN_AFTER_FAILURE, 'cat "$RUNNER_TEMP/before.json"'],
      [
        "Deploy",
        undefined,
        'npx --no-install cdktn deploy "$MCPIST_ENV-base-*" "$MCPIST_ENV-service-*" --auto-approve',
      ],
      [
        "Look after, also when the deploy failed",
        EVEN_AFTER_FAILURE,
        'exec node cli/main.ts secrets verify --json > "$RUNNER_TEMP/after.json"',
      ],
      [
        "Compare",
        EVEN_AFTER_FAILURE,
        `cat "$RUNNER_TEMP/after.json"
before=$(jq -er .live "$RUNNER_TEMP/before.json")
after=$(jq -er .live "$RUNNER_TEMP/after.json")
test "$before" = "$after" || { echo "the live gateway secret changed from $before to $after during this deploy"; exit 1; }`,
      ],
    ]);
  });

  it("drift asks for the plans, or verifies the secrets alone where it cannot", () => {
    const script = read("drift.yml")
      .jobs.flatMap((job) => job.steps)
      .find(({ node }) => node["name"] === "Plans and secrets")?.run;
    expect(script?.match(/exec .*/g)).toEqual(["exec node stacks/drift.ts", "exec node cli/main.ts secrets verify"]);
  });

  it("drift says before a token ends, also when something else is off", () => {
    const step = read("drift.yml")
      .jobs.flatMap((job) => job.steps)
      .at(-1);
    expect([step?.node["if"], step?.run?.trim()]).toEqual([
      EVEN_AFTER_FAILURE,
      "exec node cli/main.ts doctor --tokens",
    ]);
  });
});
