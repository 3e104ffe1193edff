/**
 * `node test/deploy/mirror.ts` lays provider binaries out as a filesystem mirror, so that Terraform and OpenTofu find the vendors'
 * own providers without asking a registry. It takes what lies in $HOME/.cache/mcpist/bin (or MCPIST_PROVIDER_BIN) under the name
 * terraform-provider-<type>; it builds nothing and downloads nothing. Prints what is in the mirror and what is missing.
 */
import { chmodSync, copyFileSync, existsSync, mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { CLOUDFLARE_VERSION, FLY_VERSION, GITHUB_VERSION, KOYEB_VERSION } from "../../stacks/provider-versions.ts";

/** A provider that the stacks need. */
export interface WantedProvider {
  readonly namespace: string;
  readonly type: string;
  readonly version: string;
}

/** What the stacks ask for. */
export const WANTED: readonly WantedProvider[] = [
  { namespace: "cloudflare", type: "cloudflare", version: CLOUDFLARE_VERSION },
  { namespace: "integrations", type: "github", version: GITHUB_VERSION },
  { namespace: "koyeb", type: "koyeb", version: KOYEB_VERSION },
  { namespace: "ampbase-io", type: "fly", version: FLY_VERSION },
];
/** The engines ask under the name of their own registry. */
export const HOSTS = ["registry.terraform.io", "registry.opentofu.org"];
const PLATFORM = `${process.platform}_${process.arch === "x64" ? "amd64" : process.arch}`;

/** Everything outside the checkout that the deploy tests use. */
export const CACHE = join(homedir(), ".cache", "mcpist");
export const DEFAULT_MIRROR = join(CACHE, "providers");

/** Where a provider is in a mirror, below the host. */
export const mirrorPath = ({ namespace, type, version }: WantedProvider): string =>
  join(namespace, type, version, PLATFORM, `terraform-provider-${type}_v${version}`);

/** Types that a mirror has. */
export const mirrored = (mirror: string): ReadonlySet<string> =>
  new Set(
    WANTED.filter((provider) => HOSTS.every((host) => existsSync(join(mirror, host, mirrorPath(provider))))).map(
      ({ type }) => type,
    ),
  );

/** Copies what is there. @returns the types that were found. */
export function layOut(binaries: string, mirror: string): ReadonlySet<string> {
  for (const provider of WANTED) {
    const binary = join(binaries, `terraform-provider-${provider.type}`);
    if (!existsSync(binary)) continue;
    for (const host of HOSTS) {
      const target = join(mirror, host, mirrorPath(provider));
      mkdirSync(join(target, ".."), { recursive: true });
      copyFileSync(binary, target);
      chmodSync(target, 0o755);
    }
  }
  return mirrored(mirror);
}

/** Terraform's CLI configuration: this mirror, and nothing else. */
export const cliConfig = (mirror: string): string =>
  `provider_installation {\n  filesystem_mirror {\n    path = ${JSON.stringify(mirror)}\n  }\n}\n`;

if (import.meta.main) {
  const found = layOut(process.env["MCPIST_PROVIDER_BIN"] || join(CACHE, "bin"), DEFAULT_MIRROR);
  for (const { namespace, type, version } of WANTED)
    process.stdout.write(`${found.has(type) ? "mirrored" : "missing "} ${namespace}/${type} ${version}\n`);
}
