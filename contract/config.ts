/**
 * The shape of mcpist.config.ts: one installation described once. Names, accounts and limits; never a value.
 * This is the only file of contract/ that may use zod; the Worker and the origins read contract/runtime-config.ts.
 */
import { z } from "zod";
import { MCP_PATH } from "./headers.ts";
import { err, ok, type Result } from "./result.ts";
import { BUILT_IN_MODULES, isServerUrl, OWN_SECRET_NAME, RESERVED_SECRETS, secretsOf, SERVER_NAME } from "./servers.ts";
import { isSafeUrl, type GatewayConfig, type OriginConfig } from "./runtime-config.ts";

const name = z.string().regex(/^[a-z][a-z0-9-]{0,30}$/, "lower-case letters, digits and dashes, at most 31");
const text = z.string().min(1);
const url = z
  .string()
  .refine(isSafeUrl, "an https URL (http only on loopback)")
  .transform((value) => value.replace(/\/$/, ""));
const ENDPOINT = new RegExp(`^\\w+://[^/?#]+${MCP_PATH}$`);
const duration = z
  .string()
  .regex(/^\d+(ms|s|m|h)$/, 'a duration such as "90s" or "30m"')
  .transform((value) => {
    const unit = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[value.replace(/\d+/, "") as "ms" | "s" | "m" | "h"];
    return Number.parseInt(value, 10) * unit;
  });
const state = z.enum(["pool", "joining", "quarantined"]).default("pool");

const koyebOrigin = z.strictObject({
  name,
  kind: z.literal("koyeb"),
  url,
  app: name,
  service: name,
  region: text.default("fra"),
  state,
});
const flyOrigin = z.strictObject({
  name,
  kind: z.literal("fly"),
  url,
  app: name,
  region: text.default("nrt"),
  machines: z.int().min(1).max(50).default(1),
  state,
});

const ownSecret = z.string().regex(OWN_SECRET_NAME, "a name in upper case such as WEATHER_KEY");
const server = z
  .strictObject({
    /** Program and arguments; the program is in the origin's image. */
    command: z
      .array(z.string().refine((part) => !part.includes("\0"), "no NUL"))
      .min(1)
      .optional(),
    /** Streamable HTTP endpoint beside the origin; never public. */
    url: z.string().refine(isServerUrl, "an https URL (http only on loopback)").optional(),
    credential: ownSecret.optional(),
    secrets: z.array(ownSecret).optional(),
    trusted: z.boolean().optional(),
    perUser: z.boolean().optional(),
    concurrency: z.int().min(1).max(1000).optional(),
    account: z
      .string()
      .regex(/^[A-Za-z0-9_.-]{1,64}$/)
      .optional(),
    description: z.string().max(500).optional(),
    tools: z
      .record(
        z.string().regex(/^[A-Za-z0-9_.-]{1,64}$/),
        z.strictObject({ readOnly: z.boolean().optional(), idempotent: z.boolean().optional() }),
      )
      .optional(),
  })
  .superRefine(({ command, url, credential, secrets }, context) => {
    if ((command === undefined) === (url === undefined))
      context.addIssue({ code: "custom", path: ["command"], message: "a server has either a command or a url" });
    if (url === undefined && credential !== undefined)
      context.addIssue({
        code: "custom",
        path: ["credential"],
        message: "only a server at a url is sent a credential",
      });
    if (command === undefined && secrets !== undefined)
      context.addIssue({
        code: "custom",
        path: ["secrets"],
        message: "only a server with a command has an environment",
      });
  });

const environment = z
  .strictObject({
    github: z.strictObject({
      owner: text,
      repo: text,
      environment: name,
      /** "repository" where the plan has no environments; the names then carry the environment. */
      scope: z.enum(["environment", "repository"]).default("environment"),
      /** Off where a private repository's plan does not include it. */
      secretScanning: z.boolean().default(true),
    }),
    cloudflare: z.strictObject({
      accountId: text,
      zone: text,
      hostname: text,
      worker: name,
      /**
       * Off for every further environment in one zone: settings and rulesets exist once per zone, so one environment declares them
       * for all. Its zone must be protected before this one is deployed.
       */
      zoneProtection: z.boolean().default(true),
      /** Only for a gateway on loopback. */ url: url.optional(),
    }),
    origins: z.array(z.discriminatedUnion("kind", [koyebOrigin, flyOrigin])).min(1),
    auth: z.strictObject({
      issuer: url,
      /** The URL that clients connect to: the resource that they ask a token for (RFC 8707), and where its metadata is looked for. */
      audience: url.refine((text) => ENDPOINT.test(text), `the URL of the MCP endpoint, which ends with ${MCP_PATH}`),
      jwksUrl: url.optional(),
      maxLifetime: duration.default(86_400_000),
      allowAnonymous: z.boolean().default(false),
      requireAal2: z.boolean().default(false),
      clientIds: z.array(text).default([]),
      /** Scopes that every token must carry in `scope` (RFC 9068); Supabase does not add any of its own: the token hook must. */
      requiredScopes: z
        .array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,64}$/, "a scope as RFC 6749 writes it"))
        .default([]),
    }),
    image: text,
    allowedOrigins: z.array(text).default([]),
    limits: z
      .strictObject({
        perIpPerMinute: z.int().positive().default(1000),
        failedAuthPerMinute: z.int().positive().default(60),
        burstPerSecond: z.int().positive().max(1000).default(5),
        /** Requests of a user that may start at once: the parallel calls of one turn of a model; absent = 30, or a second of the rate. A small excess waits. */
        burstDepth: z.int().positive().max(10_000).optional(),
        /** Lets an isolate take requests in advance: faster, and up to this many over the limit per isolate. Absent = exact. */
        burstLease: z.int().positive().max(100).optional(),
        /** Calls per second and user, by module, on top of the burst: `{ github: 2 }`. */
        modulesPerSecond: z.record(z.string().regex(/^[A-Za-z0-9_.-]{1,64}$/), z.int().positive().max(1000)).optional(),
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
        baseUrls: z.record(z.string().regex(/^[A-Za-z0-9_.-]{1,64}$/), url).default({}),
        httpStatusHosts: z.array(text).default([]),
        brokerUrl: url.nullable().default(null),
        alertWebhook: url.nullable().default(null),
      })
      .prefault({}),
    /** MCP servers whose tools become modules, by the name of the module. */
    servers: z
      .record(
        z
          .string()
          .regex(SERVER_NAME, "lower-case letters, digits, - and _, at most 31")
          .refine((text) => !BUILT_IN_MODULES.includes(text), "the name of a module that mcpist has already"),
        server,
      )
      .default({}),
    /** Secrets of one's own, kept by `mcpist secrets put NAME`. */
    secrets: z
      .record(
        ownSecret.refine((text) => !RESERVED_SECRETS.includes(text), "a name that mcpist or a platform uses itself"),
        z.strictObject({
          purpose: z.string().min(1).max(200),
          shape: z.enum(["text", "hex64"]).default("text"),
          /** Who gets it; the origins, for their servers. */
          to: z.array(z.enum(["origins"])).min(1),
        }),
      )
      .default({}),
    showOrigin: z.boolean().default(false),
    securityContact: text.nullable().default(null),
    /** Maximum age of the gateway secret before `secrets status` calls it overdue. */
    maxSecretAge: duration.prefault("2160h"),
    /** Name of the environment variable that holds a webhook URL for done, failed and overdue. */
    notifyWebhookVariable: z
      .string()
      .regex(/^[A-Z][A-Z0-9_]*$/)
      .optional(),
    /** Where Terraform keeps its state; a state never holds a secret. */
    backend: z
      .discriminatedUnion("type", [
        z.strictObject({ type: z.literal("local") }),
        z.strictObject({
          type: z.literal("s3"),
          bucket: text,
          endpoint: url,
          region: text.default("auto"),
          prefix: text.default("mcpist"),
        }),
      ])
      .prefault({ type: "local" }),
    /** Accounts that Terraform needs beyond the names above. */
    fly: z.strictObject({ organization: text.default("personal") }).prefault({}),
    /** GitHub users (numeric ids) who must approve a deployment; empty where the plan has no reviewers. */
    reviewers: z.array(z.int().positive()).default([]),
  })
  .superRefine((value, context) => {
    const seen = new Set<string>();
    value.origins.forEach((origin, index) => {
      if (seen.has(origin.name))
        context.addIssue({ code: "custom", path: ["origins", index, "name"], message: "this name is used twice" });
      seen.add(origin.name);
    });
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
    const protectors = new Map<string, string>();
    for (const [environmentName, { cloudflare }] of Object.entries(environments)) {
      if (cloudflare.url !== undefined || !cloudflare.zoneProtection) continue;
      const first = protectors.get(cloudflare.zone.toLowerCase());
      if (first === undefined) protectors.set(cloudflare.zone.toLowerCase(), environmentName);
      else
        context.addIssue({
          code: "custom",
          path: ["environments", environmentName, "cloudflare", "zoneProtection"],
          message: `environment "${first}" protects the same zone, and a zone has one set of settings and rulesets: say false here`,
        });
    }
  });

/** mcpist.config.ts as a person writes it. */
export type ConfigInput = z.input<typeof config>;
/** mcpist.config.ts after defaults; durations in milliseconds. */
export type Config = z.output<typeof config>;
/** One environment after defaults; durations in milliseconds. */
export type Environment = z.output<typeof environment>;
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

/** Checks a configuration and fills in defaults. */
export function parseConfig(input: unknown): Result<Config, readonly ConfigIssue[]> {
  const parsed = config.safeParse(input);
  if (parsed.success) return ok(parsed.data);
  return err(
    parsed.error.issues.map((issue) => ({
      path: issue.path.map(String).join("."),
      message: issue.code === "unrecognized_keys" ? "unknown setting" : issue.message,
    })),
  );
}

/** Base URL of the gateway, without a trailing slash. */
export const gatewayUrl = (env: Environment): string => env.cloudflare.url ?? `https://${env.cloudflare.hostname}`;

/** What goes into the Worker's `MCPIST_CONFIG`. */
export function gatewayConfigOf(environmentName: string, env: Environment): GatewayConfig {
  return {
    environment: environmentName,
    resource: env.auth.audience,
    issuer: env.auth.issuer,
    jwksUrl: env.auth.jwksUrl ?? `${env.auth.issuer}/.well-known/jwks.json`,
    origins: env.origins.map(({ name: origin, url: originUrl, state: originState }) => ({
      name: origin,
      url: originUrl,
      state: originState,
    })),
    allowedOrigins: env.allowedOrigins,
    limits: env.limits,
    auth: {
      maxLifetimeSeconds: Math.floor(env.auth.maxLifetime / 1000),
      allowAnonymous: env.auth.allowAnonymous,
      requireAal2: env.auth.requireAal2,
      clientIds: env.auth.clientIds,
      ...(env.auth.requiredScopes.length > 0 ? { requiredScopes: env.auth.requiredScopes } : {}),
    },
    sharedDatabase: env.database === "shared",
    showOrigin: env.showOrigin,
    worker: env.cloudflare.worker,
    securityContact: env.securityContact,
  };
}

/** What goes into an origin's `MCPIST_CONFIG`. */
export function originConfigOf(environmentName: string, env: Environment, originName: string): OriginConfig {
  const { baseUrls, httpStatusHosts, brokerUrl, alertWebhook } = env.modules;
  return {
    environment: environmentName,
    origin: originName,
    upstreams: baseUrls,
    httpStatusHosts,
    brokerUrl,
    alertWebhook,
    database: env.database,
    ...(Object.keys(env.servers).length > 0 ? { servers: env.servers } : {}),
  };
}
