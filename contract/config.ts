/**
 * The shape of mcpist.config.ts: one installation described once. Names, accounts and limits; never a value.
 * Only this file and config-fields.ts may use zod in contract/; the Worker and the origins read contract/runtime-config.ts.
 */
import { z } from "zod";
import {
  audience,
  baseUrl,
  CONTACT,
  duration,
  flyOrigin,
  issuer,
  koyebOrigin,
  matching,
  name,
  ownSecret,
  plainHost,
  SCOPE,
  SERVER,
  server,
  text,
  tokenEnd,
  tokenLifetime,
  url,
  VARIABLE,
  webOrigin,
} from "./config-fields.ts";
import { settingsAt } from "./known-settings.ts";
import {
  ACCOUNT_ID,
  BUCKET_NAME,
  GITHUB_OWNER,
  GITHUB_REPOSITORY,
  HOST_NAME,
  IMAGE,
  nearestName,
  PLATFORM_PLACE,
  TOOL_NAME,
} from "./names.ts";
import { err, ok, type Result } from "./result.ts";
import { clashes } from "./neighbours.ts";
import { nameFault, placeFault } from "./own-secrets.ts";
import { BUILT_IN_MODULES, secretsOf } from "./servers.ts";
import { complaint } from "./spelling.ts";

const environment = z
  .strictObject({
    github: z.strictObject({
      owner: matching(GITHUB_OWNER),
      repo: matching(GITHUB_REPOSITORY).refine((value) => !/\.git$/i.test(value), "it ends with .git: leave that out"),
      environment: name,
      /** "repository" where the plan has no environments; the names then carry the environment. */
      scope: z.enum(["environment", "repository"]).default("environment"),
      /** Off where a private repository's plan does not include it. */
      secretScanning: z.boolean().default(true),
    }),
    cloudflare: z.strictObject({
      accountId: matching(ACCOUNT_ID),
      zone: matching(HOST_NAME),
      hostname: z.string().min(1),
      worker: name,
      /**
       * Off for every further environment in one zone: settings and rulesets exist once per zone, so one environment declares them
       * for all. Its zone must be protected before this one is deployed.
       */
      zoneProtection: z.boolean().default(true),
      /** Only for a gateway on loopback. */ url: baseUrl.optional(),
    }),
    origins: z.array(z.discriminatedUnion("kind", [koyebOrigin, flyOrigin])).min(1),
    auth: z.strictObject({
      issuer,
      /**
       * Whose tokens these are. "supabase": `role` is authenticated and `sub` is the user's UUID. "oidc": any other provider; the user's
       * id is made from issuer and `sub`. Absent = "supabase" for an issuer that ends with /auth/v1, else "oidc".
       */
      provider: z.enum(["supabase", "oidc"]).optional(),
      /** The URL that clients connect to: the resource that they ask a token for (RFC 8707), and where its metadata is looked for. */
      audience,
      /** Audiences that a token may name besides ours, such as the provider's own userinfo endpoint. */
      alsoAudiences: z.array(text).default([]),
      jwksUrl: url.optional(),
      maxLifetime: tokenLifetime.default(86_400_000),
      allowAnonymous: z.boolean().default(false),
      requireAal2: z.boolean().default(false),
      clientIds: z.array(text).default([]),
      /** Scopes that every token must carry in `scope` (RFC 9068); Supabase does not add any of its own: the token hook must. */
      requiredScopes: z.array(matching(SCOPE)).default([]),
    }),
    image: matching(IMAGE),
    allowedOrigins: z.array(webOrigin).default([]),
    limits: z
      .strictObject({
        perIpPerMinute: z.int().positive().default(1000),
        failedAuthPerMinute: z.int().positive().default(60),
        burstPerSecond: z.int().positive().max(1000).default(5),
        /** Requests of a user that may start at once: the parallel calls of one turn of a model; absent = 30, or a second of the rate. A small excess waits. */
        burstDepth: z.int().positive().max(10_000).optional(),
        /** Lets an isolate take so many requests in advance: fewer questions to the count, within the same limit. A second of the rate, or half of the depth, is set aside for them. Absent = none. */
        burstLease: z.int().positive().max(100).optional(),
        /** Calls per second and user, by module, on top of the burst: `{ github: 2 }`. */
        modulesPerSecond: z.record(matching(TOOL_NAME), z.int().positive().max(1000)).optional(),
      })
      .prefault({}),
    drain: z
      .strictObject({
        minAge: duration.prefault("60s"),
        quiet: duration.prefault("120s"),
        max: duration.prefault("30m"),
      })
      .prefault({})
      .refine(
        (drain) => drain.max > drain.minAge && drain.max > drain.quiet,
        "max must be longer than minAge and quiet",
      ),
    /** "shared": all origins use one database, so a `call` may be retried elsewhere. "embedded": it may not. */
    database: z.enum(["shared", "embedded"]).default("shared"),
    modules: z
      .strictObject({
        /** Where a module's provider is, by module: `{ github: "https://github.example.com/api/v3" }`. Absent = the public service. */
        baseUrls: z.record(matching(TOOL_NAME), baseUrl).default({}),
        httpStatusHosts: z.array(plainHost).default([]),
        brokerUrl: baseUrl.nullable().default(null),
        alertWebhook: url.nullable().default(null),
      })
      .prefault({}),
    /** How clients meet tools: "meta" = get_module_schema and call; "native" = each as module__tool in tools/list. */
    presentation: z.enum(["meta", "native"]).default("meta"),
    /** MCP servers whose tools become modules, by the name of the module. */
    servers: z
      .record(
        matching(SERVER).refine(
          (text) => !BUILT_IN_MODULES.includes(text),
          "the name of a module that mcpist has already",
        ),
        server,
      )
      .default({}),
    /** Secrets of one's own, kept by `mcpist secrets put NAME`. */
    secrets: z
      .record(
        ownSecret.superRefine((text, context) => {
          const fault = nameFault(text);
          if (fault !== null) context.addIssue({ code: "custom", message: fault });
        }),
        z.strictObject({
          purpose: z.string().min(1).max(200),
          shape: z.enum(["text", "hex64"]).default("text"),
          /** Who gets it: the origins, for their servers; the gateway's Worker, as a binding; GitHub, for workflows. */
          to: z.array(z.enum(["origins", "worker", "github"])).min(1),
        }),
      )
      .default({}),
    showOrigin: z.boolean().default(false),
    /** Last day of each platform's token, where the platform does not say it: Koyeb and Fly.io. `doctor` warns two weeks before. */
    tokens: z
      .strictObject({
        github: tokenEnd.optional(),
        cloudflare: tokenEnd.optional(),
        koyeb: tokenEnd.optional(),
        fly: tokenEnd.optional(),
      })
      .optional(),
    securityContact: matching(CONTACT).nullable().default(null),
    /** Maximum age of the gateway secret before `secrets status` calls it overdue. */
    maxSecretAge: duration.prefault("2160h"),
    /** Name of the environment variable that holds a webhook URL for done, failed and overdue. */
    notifyWebhookVariable: matching(VARIABLE).optional(),
    /** Where Terraform keeps its state; a state never holds a secret. */
    backend: z
      .discriminatedUnion("type", [
        z.strictObject({ type: z.literal("local") }),
        z.strictObject({
          type: z.literal("s3"),
          bucket: matching(BUCKET_NAME),
          endpoint: baseUrl,
          region: matching(PLATFORM_PLACE).default("auto"),
          prefix: text.default("mcpist"),
        }),
      ])
      .prefault({ type: "local" }),
    /** Accounts that Terraform needs beyond the names above. */
    fly: z.strictObject({ organization: matching(PLATFORM_PLACE).default("personal") }).prefault({}),
    /** GitHub users (numeric ids) who must approve a deployment; empty where the plan has no reviewers. */
    reviewers: z.array(z.int().positive()).default([]),
  })
  .superRefine((value, context) => {
    const { hostname, url } = value.cloudflare;
    const { audience } = value.auth;
    if (url === undefined && !HOST_NAME.shape.test(hostname))
      context.addIssue({
        code: "custom",
        path: ["cloudflare", "hostname"],
        message: complaint(HOST_NAME, hostname),
      });
    else if (url === undefined && URL.canParse(audience) && new URL(audience).host !== hostname)
      context.addIssue({
        code: "custom",
        path: ["auth", "audience"],
        message: "the host must be cloudflare.hostname: clients ask for the address that they connect to",
      });
    const seen = new Set<string>();
    value.origins.forEach((origin, index) => {
      if (seen.has(origin.name))
        context.addIssue({ code: "custom", path: ["origins", index, "name"], message: "this name is used twice" });
      else if (origin.name === "worker" || origin.name === "github")
        context.addIssue({
          code: "custom",
          path: ["origins", index, "name"],
          message: "reports call the gateway's Worker and GitHub so: choose another name",
        });
      seen.add(origin.name);
    });
    for (const [secret, { to }] of Object.entries(value.secrets)) {
      const fault = placeFault(secret, to);
      if (fault !== null) context.addIssue({ code: "custom", path: ["secrets", secret], message: fault });
    }
    if (!value.origins.some((origin) => origin.state === "pool"))
      context.addIssue({ code: "custom", path: ["origins"], message: 'at least one origin must have state "pool"' });
    for (const [serverName, settings] of Object.entries(value.servers))
      for (const secret of secretsOf(settings))
        if (!value.secrets[secret]?.to.includes("origins"))
          context.addIssue({
            code: "custom",
            path: ["servers", serverName],
            message: `needs the secret ${secret}: declare it under secrets, with to: ["origins"]`,
          });
  });

const config = z
  .strictObject({ environments: z.record(name, environment) })
  .superRefine(({ environments }, context) => {
    for (const { path, message } of clashes(environments))
      context.addIssue({ code: "custom", path: ["environments", ...path], message });
  });

/** mcpist.config.ts as a person writes it. */
export type ConfigInput = z.input<typeof config>;
/** mcpist.config.ts after defaults; durations in milliseconds. */
export type Config = z.output<typeof config>;
/** One environment after defaults; durations in milliseconds. */
export type Environment = z.output<typeof environment>;
/** An environment with its name. */
export interface NamedEnvironment {
  readonly name: string;
  readonly environment: Environment;
}
/** One environment as a person writes it. */
export type EnvironmentInput = z.input<typeof environment>;
/** One origin after defaults. */
export type Origin = Environment["origins"][number];

/** One thing that is wrong with a configuration: where, and what the schema wants. Never the value that was there. */
export interface ConfigIssue {
  readonly path: string;
  readonly message: string;
}

/** Gives mcpist.config.ts its types; checks nothing. */
export const defineConfig = (input: ConfigInput): ConfigInput => input;

/** JSON Schema of a configuration as a person writes it, for editors and other programs; checks between settings are not in it. */
export const configJsonSchema = (): object => z.toJSONSchema(config, { io: "input", unrepresentable: "any" });

/** Checks a configuration and fills in defaults. */
export function parseConfig(input: unknown): Result<Config, readonly ConfigIssue[]> {
  const parsed = config.safeParse(input);
  if (parsed.success) return ok(parsed.data);
  // A misspelt name comes first: that the right one is missing only follows from it.
  const unknown = parsed.error.issues.filter(({ code }) => code === "unrecognized_keys");
  const others = parsed.error.issues.filter(({ code }) => code !== "unrecognized_keys");
  return err([
    ...unknown.flatMap((issue) => unknownSettings(issue)),
    ...others.map((issue) => ({
      path: issue.path.map(String).join("."),
      // What is wrong with a name, rather than that it is.
      message: issue.code === "invalid_key" ? (issue.issues[0]?.message ?? issue.message) : issue.message,
    })),
  ]);
}

/** Names a setting that does not exist only where it is nearly one that does: anything else may be a value in the wrong place. */
function unknownSettings(issue: { readonly path: PropertyKey[]; readonly keys?: readonly string[] }): ConfigIssue[] {
  const known = settingsAt(config, issue.path);
  return (issue.keys ?? []).map((key) => {
    const meant = nearestName(key, known);
    const message = meant === null ? "unknown setting" : `unknown setting "${key}": is it "${meant}"?`;
    return { path: issue.path.map(String).join("."), message };
  });
}
