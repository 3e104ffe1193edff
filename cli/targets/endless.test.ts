import { describe, expect, it } from "vitest";
import { testEnvironment } from "../test/environment.ts";
import { testContext } from "../test/test-context.ts";
import { githubApi, githubVault } from "./github.ts";
import { koyebApi, koyebSecrets } from "./koyeb-api.ts";
import { calmDown } from "./koyeb-rollout.ts";

const DEPLOYMENT = { id: "d-1", definition: { strategy: { type: "DEPLOYMENT_STRATEGY_TYPE_IMMEDIATE" } } };
/** What a platform answers that has always more to tell; each page like the one before. */
const ANSWERS: readonly (readonly [path: RegExp, answer: unknown])[] = [
  [/\/services\//, { service: { latest_deployment_id: "d-1" } }],
  [/\/deployments\//, { deployment: DEPLOYMENT }],
  [/\/deployments\?/, { deployments: [DEPLOYMENT] }],
  [/api\.github\.com/, { total_count: 1e9, secrets: [{ name: "A", updated_at: "2026-11-22T00:00:00Z" }] }],
  [/\/secrets\?/, { count: 1e9, secrets: [{ id: "s-1", name: "a", updated_at: "2026-11-22T00:00:00Z" }] }],
];

describe("a list that never ends", () => {
  const context = testContext({
    fetch: async (asked) => {
      const { url } = new Request(asked);
      return Response.json(ANSWERS.find(([path]) => path.test(url))?.[1] ?? {});
    },
  });
  const koyeb = koyebApi(context, { baseUrl: "https://app.koyeb.com", token: "t" });
  const github = githubApi(context, { baseUrl: "https://api.github.com", token: "t" });

  it.each<[string, () => Promise<unknown>]>([
    ["GitHub's list of secrets", () => githubVault(context, github, testEnvironment().github).names()],
    ["Koyeb's list of secrets", () => koyebSecrets(koyeb)],
    ["Koyeb's list of deployments", () => calmDown({ context, api: koyeb, service: "s" }, () => Promise.resolve())],
  ])("is the platform's fault, and nobody waits for it: %s", async (what, ask) => {
    await expect(ask()).rejects.toMatchObject({ code: "ERR_VENDOR", message: `${what} does not end` });
  });
});
