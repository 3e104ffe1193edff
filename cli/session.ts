/** Puts an environment, its tokens and its platforms together for one command. */
import { userInfo } from "node:os";
import type { Environment, NamedEnvironment } from "../contract/config.ts";
import type { TargetKind } from "../contract/secret-names.ts";
import type { Context } from "./context.ts";
import type { Api } from "./http.ts";
import { PATIENCE_MS } from "./patience.ts";
import { loadEnvironment } from "./load-config.ts";
import { Journal } from "./secrets/journal.ts";
import type { Reporter } from "./reporter.ts";
import { Run } from "./secrets/run.ts";
import { cloudflareApi, cloudflareWorker } from "./targets/cloudflare.ts";
import { flyApi } from "./targets/fly-api.ts";
import { flyOrigin } from "./targets/fly.ts";
import { githubApi, githubStore, githubVault } from "./targets/github.ts";
import { koyebApi } from "./targets/koyeb-api.ts";
import { koyebOrigin } from "./targets/koyeb.ts";
import type { GitStore, Targets } from "./targets/types.ts";
import type { CommonFlags } from "./flags.ts";
import { tokenOf } from "./tokens.ts";
import { toolVersion } from "./version.ts";
import { calm } from "./signals.ts";

export type { CommonFlags };

/** Base URLs; each may be replaced by the vendor's own variable. */
const BASE_URLS: Readonly<Record<TargetKind, readonly [variable: string, fallback: string]>> = {
  github: ["GITHUB_API_URL", "https://api.github.com"],
  cloudflare: ["CLOUDFLARE_API_BASE_URL", "https://api.cloudflare.com/client/v4"],
  koyeb: ["KOYEB_URL", "https://app.koyeb.com"],
  fly: ["FLY_FLAPS_BASE_URL", "https://api.machines.dev"],
};

/** Base URL of a platform. */
export function baseUrlOf(context: Context, kind: TargetKind): string {
  const [variable, fallback] = BASE_URLS[kind];
  const value = context.env[variable];
  return value === undefined || value === "" ? fallback : value;
}

/** What a command works with. */
export interface Session extends NamedEnvironment {
  readonly apis: {
    readonly github: Api;
    readonly cloudflare: Api;
    readonly koyeb: Api | null;
    readonly fly: Api | null;
  };
  readonly targets: Targets;
  readonly store: GitStore;
  readonly journal: Journal;
  /** From now on a call to GitHub, with its waits, takes no longer than this says when it begins. Unit: milliseconds. */
  hurry(leftMs: () => number): void;
  run(report: Reporter): Run;
}

/** Who runs this, for the journal: the workflow's actor, else the local user. */
export function actorOf(context: Context, localUser: () => string = () => userInfo().username): string {
  const named = context.env["GITHUB_ACTOR"] || context.env["USER"] || context.env["LOGNAME"];
  return (named || nameOf(localUser)).replace(/[^\w.@-]/g, "").slice(0, 64) || "unknown";
}

/** A container may run under a user id that has no entry in its passwd file; Node throws then. */
function nameOf(localUser: () => string): string {
  try {
    return localUser();
  } catch {
    return "";
  }
}

/** Loads the environment and connects to its platforms. Makes no remote call. @throws {McpistError}. */
export async function openSession(context: Context, flags: CommonFlags): Promise<Session> {
  return sessionOf(context, await loadEnvironment(context, flags.env, flags.config));
}

/** A token for each platform of an environment. @throws {McpistError} ERR_TOKEN_MISSING or ERR_TOKEN_SHAPE for the first without one. */
export async function tokensFor(context: Context, environment: Environment): Promise<ReadonlyMap<TargetKind, string>> {
  const kinds = new Set<TargetKind>(["github", "cloudflare", ...environment.origins.map((origin) => origin.kind)]);
  const tokens = new Map<TargetKind, string>();
  for (const kind of kinds) tokens.set(kind, await tokenOf(context, kind));
  return tokens;
}

/** The same for an environment that is known already. @throws {McpistError} without a token. */
export async function sessionOf(context: Context, named: NamedEnvironment): Promise<Session> {
  const { name, environment } = named;
  const tokens = await tokensFor(context, environment);
  const access = (kind: TargetKind) => ({ baseUrl: baseUrlOf(context, kind), token: tokens.get(kind) ?? "" });

  let silence: (() => number) | null = null;
  const github = githubApi(context, access("github"), () => silence?.());
  const cloudflare = cloudflareApi(context, access("cloudflare"));
  const koyeb = tokens.has("koyeb") ? koyebApi(context, access("koyeb")) : null;
  const fly = tokens.has("fly") ? flyApi(context, access("fly")) : null;
  const origins = environment.origins.flatMap((origin) => {
    if (origin.kind === "koyeb") return koyeb ? [koyebOrigin(context, koyeb, name, environment, origin)] : [];
    return fly ? [flyOrigin(context, fly, origin)] : [];
  });
  const given = context.platforms?.(named);
  const targets: Targets = given?.targets ?? {
    worker: cloudflareWorker(context, cloudflare, environment, access("cloudflare")),
    origins,
    vault: githubVault(context, github, environment.github),
  };
  // The lock must be given back after Ctrl-C, so the journal's own calls are not cut short by it.
  const store =
    given?.store ??
    githubStore(
      githubApi(calm(context), access("github"), () => silence?.() ?? PATIENCE_MS),
      name,
      environment.github,
    );
  const attempt = Number(context.env["GITHUB_RUN_ATTEMPT"] ?? 0);
  const holder = context.processes?.self();
  const identity = {
    run: context.randomBytes(6).toString("hex"),
    actor: actorOf(context),
    workflow: context.env["GITHUB_RUN_ID"] ?? "local",
    ...(attempt > 0 ? { attempt } : {}),
    tool: toolVersion(),
    ...(holder ? { holder } : {}),
  };
  const journal = new Journal(store, context, identity);
  return {
    ...named,
    apis: { github, cloudflare, koyeb, fly },
    targets,
    store,
    journal,
    hurry: (leftMs) => {
      silence = leftMs;
    },
    run: (report) => new Run({ context, targets, journal, store, drain: environment.drain, report }),
  };
}
