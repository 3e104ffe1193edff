/** What environments of one installation may not share: of two that name the same, each would overwrite what the other keeps there. Pure. */
import { sharedPlaces, type NamedSecrets } from "./own-secrets.ts";

/** As much of an environment as says what it uses. */
export interface Uses extends NamedSecrets {
  readonly cloudflare: {
    readonly accountId: string;
    readonly worker: string;
    readonly zone: string;
    readonly zoneProtection: boolean;
    /** Of a gateway on this machine. */
    readonly url?: string | undefined;
  };
  readonly origins: readonly (
    | { readonly kind: "fly"; readonly app: string }
    | { readonly kind: "koyeb"; readonly app: string; readonly service: string; readonly url: string }
  )[];
}

/** One thing that nobody else may name. */
interface SoleUse {
  /** What it is and what it is called; the same text = the same thing. */
  readonly thing: string;
  /** Where the environment names it. */
  readonly path: readonly (string | number)[];
}

/** A setting that another environment, or another origin, forbids. */
export interface Clash {
  /** Below `environments`. */
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** Everything that the environment has to itself, in the order of its settings. */
function soleUses({ github, cloudflare, origins }: Uses): readonly SoleUse[] {
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

/** What two environments, or two origins of one, may not both say: each is named once, at the later of the two. */
export function clashes(environments: Readonly<Record<string, Uses>>): readonly Clash[] {
  const found: Clash[] = [];
  const [users, keepers, protectors] = [
    new Map<string, string>(),
    new Map<string, string>(),
    new Map<string, string>(),
  ];
  /** Calls `clash` with who was first, if anybody was. */
  const claim = (by: Map<string, string>, what: string, who: string, clash: (first: string) => Clash) => {
    const first = by.get(what);
    if (first === undefined) by.set(what, who);
    else found.push(clash(first));
  };
  for (const [name, one] of Object.entries(environments)) {
    for (const { thing, path } of soleUses(one))
      claim(users, thing, name, (first) => ({
        path: [name, ...path],
        message: `environment "${first}" uses ${thing} already, and each would overwrite the secrets of the other: name another one`,
      }));
    for (const [place, secret] of sharedPlaces(name, one))
      claim(keepers, place, `${secret} of environment "${name}"`, (first) => ({
        path: [name, "secrets"],
        message: `${secret} would be the same secret as ${first} (${place}): choose another name`,
      }));
    const { url, zoneProtection, zone } = one.cloudflare;
    if (url !== undefined || !zoneProtection) continue;
    claim(protectors, zone.toLowerCase(), name, (first) => ({
      path: [name, "cloudflare", "zoneProtection"],
      message: `environment "${first}" protects the same zone, and a zone has one set of settings and rulesets: say false here`,
    }));
  }
  return found;
}
