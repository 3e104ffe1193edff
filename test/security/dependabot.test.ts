import { dirname } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { CLOUDFLARE_VERSION, FLY_VERSION, GITHUB_VERSION, KOYEB_VERSION } from "../../stacks/provider-versions.ts";
import { readTracked, trackedFiles } from "./repository.ts";

interface Update {
  readonly "package-ecosystem": string;
  readonly directory: string;
  readonly schedule?: { readonly interval?: string };
  readonly cooldown?: { readonly "default-days"?: number };
}
const { updates } = parse(readTracked(".github/dependabot.yml")) as { readonly updates: readonly Update[] };

/** What Dependabot would look for, by the file that makes an ecosystem. */
const MANIFESTS: readonly (readonly [pattern: RegExp, ecosystem: string])[] = [
  [/(^|\/)package\.json$/, "npm"],
  [/^\.github\/workflows\/[^/]+\.ya?ml$/, "github-actions"],
  [/(^|\/)Dockerfile[^/]*$/, "docker"],
  [/\.tf$/, "terraform"],
];

function manifests(): readonly { readonly ecosystem: string; readonly directory: string }[] {
  return trackedFiles()
    .filter((path) => !path.startsWith("test/"))
    .flatMap((path) => {
      const found = MANIFESTS.find(([pattern]) => pattern.test(path));
      if (!found) return [];
      const folder = dirname(path);
      return [{ ecosystem: found[1], directory: found[1] === "github-actions" || folder === "." ? "/" : `/${folder}` }];
    });
}

describe("dependabot.yml", () => {
  it("covers every manifest of the repository", () => {
    const covered = new Set(
      updates.map(({ "package-ecosystem": ecosystem, directory }) => `${ecosystem} ${directory}`),
    );
    const wanted = manifests().map(({ ecosystem, directory }) => `${ecosystem} ${directory}`);
    expect(wanted.length).toBeGreaterThan(0);
    expect(wanted.filter((entry) => !covered.has(entry))).toEqual([]);
  });

  it.each(["npm", "github-actions", "docker", "terraform"])(
    "updates %s on a schedule, seven days after a release",
    (ecosystem) => {
      const update = updates.find((candidate) => candidate["package-ecosystem"] === ecosystem);
      expect(update?.schedule?.interval).toBeTypeOf("string");
      expect(update?.cooldown?.["default-days"]).toBeGreaterThanOrEqual(7);
    },
  );

  it("watches the provider versions that the stacks deploy", () => {
    const text = readTracked(".github/terraform/providers.tf");
    const watched = Object.fromEntries(
      [...text.matchAll(/(\w+) = \{\s+source\s+= "[^"]+"\s+version = "([^"]+)"/g)].map(([, name, version]) => [
        name,
        version,
      ]),
    );
    expect(watched).toEqual({
      cloudflare: CLOUDFLARE_VERSION,
      github: GITHUB_VERSION,
      koyeb: KOYEB_VERSION,
      fly: FLY_VERSION,
    });
  });
});
