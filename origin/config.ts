/**
 * The environment of an origin, checked once at start. Nothing here reads `process`; messages name the variable and the rule,
 * never what stood in it.
 */
import { z } from "zod";
import { PLATFORM_NAME } from "../contract/names.ts";
import { drainSecondsOf } from "../contract/origin-drain.ts";
import { err, ok, type Result } from "../contract/result.ts";
import { parseOriginConfig, type OriginConfig } from "../contract/runtime-config.ts";
import { marksIn, type Marks } from "../contract/marks.ts";
import { readDatabaseUrl } from "../contract/database-url.ts";
import { secretsOf } from "../contract/servers.ts";
import { RANGES_RULE, readRanges } from "./http/peer.ts";
import type { SecretVariables } from "./http/verify.ts";
import { Secret } from "./modules/secret.ts";

const hex64 = z.string().regex(/^[0-9a-f]{64}$/, "must be 64 lower-case hex characters");
const integer = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/, "must be a whole number")
    .transform(Number)
    .refine((value) => value >= min && value <= max, `must be between ${min} and ${max}`);
const platformId = z.string().regex(/^[\x21-\x7e]{1,200}$/, "must be 1 to 200 printable characters");

const environment = z.object({
  PORT: integer(0, 65_535).default(8080),
  HOST: z.string().min(1).default("0.0.0.0"),
  MCPIST_CONFIG: z.string({ error: "is not set" }),
  GATEWAY_SECRET_A: z.string().optional(),
  GATEWAY_SECRET_B: z.string().optional(),
  GATEWAY_SECRET: z.string().optional(),
  DATABASE_URL: z
    .string()
    .superRefine((text, context) => {
      const address = readDatabaseUrl(text);
      if (typeof address === "string") context.addIssue({ code: "custom", message: address });
    })
    .optional(),
  REQUEST_STATE_KEY: hex64.optional(),
  BROKER_SECRET: hex64.optional(),
  /** How long requests in flight may take after SIGTERM; absent = as long as the platform allows, see {@link drainSecondsOf}. */
  DRAIN_SECONDS: integer(0, 300).optional(),
  /** Where the gateway's requests come from, when that is not Cloudflare: ranges in CIDR notation, comma between. */
  GATEWAY_RANGES: z
    .string()
    .refine((text) => readRanges(text) !== null, RANGES_RULE)
    .optional(),
  FLY_MACHINE_ID: platformId.optional(),
  FLY_MACHINE_VERSION: platformId.optional(),
  KOYEB_INSTANCE_ID: platformId.optional(),
  KOYEB_REGIONAL_DEPLOYMENT_ID: platformId.optional(),
});

/** What an origin needs to run, apart from its clock and its sockets. */
export interface OriginSettings {
  readonly port: number;
  readonly host: string;
  readonly config: OriginConfig;
  readonly secrets: SecretVariables;
  /** null = the embedded database (only when the configuration says so). */
  readonly databaseUrl: string | null;
  /** 32 bytes, the same at every origin; null = request state is refused. */
  readonly requestStateKey: Uint8Array | null;
  /** 64 lower-case hex characters. */
  readonly brokerSecret: string | null;
  readonly drainSeconds: number;
  /** Secrets of one's own that the configuration's servers need and that are set, by name. */
  readonly ownSecrets: ReadonlyMap<string, Secret>;
  /** Marks of the secrets that it was started with. */
  readonly marks: Marks;
  /** True on Fly.io, whose proxy attests the caller's address in a header of its own. */
  readonly onFly: boolean;
  /** Ranges of the gateway's platform; null = Cloudflare's. */
  readonly gatewayRanges: readonly string[] | null;
  /** The platform's id of this instance. */
  readonly instanceId: string;
  /** The platform's id of what was rolled out. */
  readonly deployment: string;
}

/**
 * Checks the environment. `localId` names this instance where no platform does.
 * @returns as error one sentence that names the variable and the rule.
 */
export function parseEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  localId: string,
): Result<OriginSettings, string> {
  const parsed = environment.safeParse(env);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    return err(`${String(issue?.path[0] ?? "the environment")} ${issue?.message ?? "is not valid"}`);
  }
  const values = parsed.data;
  const config = parseOriginConfig(values.MCPIST_CONFIG);
  if (!config.ok)
    return err(
      config.error === "MCPIST_CONFIG"
        ? "MCPIST_CONFIG must be a JSON object"
        : `MCPIST_CONFIG has no usable "${config.error}"`,
    );
  if (!PLATFORM_NAME.shape.test(config.value.origin))
    return err(`MCPIST_CONFIG has no usable "origin": ${PLATFORM_NAME.words}`);
  const embedded = config.value.database === "embedded";
  if (values.DATABASE_URL === undefined && !embedded)
    return err("DATABASE_URL is not set, and the configuration does not ask for the embedded database");
  return ok({
    port: values.PORT,
    host: values.HOST,
    config: config.value,
    secrets: {
      GATEWAY_SECRET_A: values.GATEWAY_SECRET_A,
      GATEWAY_SECRET_B: values.GATEWAY_SECRET_B,
      GATEWAY_SECRET: values.GATEWAY_SECRET,
    },
    databaseUrl: values.DATABASE_URL ?? null,
    requestStateKey: values.REQUEST_STATE_KEY === undefined ? null : Buffer.from(values.REQUEST_STATE_KEY, "hex"),
    onFly: values.FLY_MACHINE_ID !== undefined,
    gatewayRanges: values.GATEWAY_RANGES === undefined ? null : readRanges(values.GATEWAY_RANGES),
    brokerSecret: values.BROKER_SECRET ?? null,
    drainSeconds: values.DRAIN_SECONDS ?? drainSecondsOf(values.FLY_MACHINE_ID === undefined ? "koyeb" : "fly"),
    ownSecrets: new Map(
      Object.values(config.value.servers ?? {})
        .flatMap((server) => secretsOf(server))
        .flatMap((name) => (env[name] ? [[name, new Secret(env[name])] as const] : [])),
    ),
    marks: marksIn(env),
    instanceId: values.FLY_MACHINE_ID ?? values.KOYEB_INSTANCE_ID ?? `local-${localId}`,
    deployment: values.FLY_MACHINE_VERSION ?? values.KOYEB_REGIONAL_DEPLOYMENT_ID ?? "local",
  });
}
