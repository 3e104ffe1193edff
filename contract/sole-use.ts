/** What an environment has to itself on the platforms: of two that name the same, each would overwrite the other's secrets and settings. Pure. */

/** As much of an environment as says what it uses. */
export interface Uses {
  readonly github: {
    readonly owner: string;
    readonly repo: string;
    readonly environment: string;
    readonly scope: "environment" | "repository";
  };
  readonly cloudflare: { readonly accountId: string; readonly worker: string; readonly url?: string | undefined };
  readonly origins: readonly (
    | { readonly kind: "fly"; readonly app: string }
    | { readonly kind: "koyeb"; readonly app: string; readonly service: string; readonly url: string }
  )[];
}

/** One thing that nobody else may name. */
export interface SoleUse {
  /** What it is and what it is called; the same text = the same thing. */
  readonly thing: string;
  /** Where the environment names it. */
  readonly path: readonly (string | number)[];
}

/** Everything that the environment has to itself, in the order of its settings. */
export function soleUses({ github, cloudflare, origins }: Uses): readonly SoleUse[] {
  const uses: SoleUse[] = [];
  // A repository without environments keeps one environment's secrets apart by this name all the same. GitHub's names have no case.
  const { owner, repo, environment } = github;
  const place = `${owner}/${repo}, ${environment}`.toLowerCase();
  uses.push({ thing: `the GitHub environment ${place}`, path: ["github", "environment"] });
  // Gateways on this machine are told apart by their address.
  const account = cloudflare.url ?? cloudflare.accountId.toLowerCase();
  uses.push({ thing: `the Worker ${cloudflare.worker} of ${account}`, path: ["cloudflare", "worker"] });
  origins.forEach((origin, index) => {
    if (origin.kind === "fly") {
      uses.push({ thing: `the Fly.io app ${origin.app}`, path: ["origins", index, "app"] });
      return;
    }
    // Another organisation at Koyeb may have a service of that name, but not at that address.
    const { host } = new URL(origin.url);
    uses.push({
      thing: `the Koyeb service ${origin.app}/${origin.service} at ${host}`,
      path: ["origins", index, "service"],
    });
  });
  return uses;
}
