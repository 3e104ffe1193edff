/** What Koyeb's API takes, by the vendor's own rules and enums, and the errors that it gives. */
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { z } from "zod";

/** RFC 1123 label, 2 to 64 characters: the rule of the vendor's Terraform provider. */
const name = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}[a-z0-9]$/, "lower-case letters, digits and dashes, 2 to 64 characters");

const STRATEGIES = ["INVALID", "DEFAULT", "CANARY", "ROLLING", "BLUE_GREEN", "IMMEDIATE"].map(
  (type) => `DEPLOYMENT_STRATEGY_TYPE_${type}`,
);
/** Bodies, by what they make or change. */
export const secretBody = z.looseObject({
  name,
  type: z.enum(["SIMPLE", "REGISTRY", "MANAGED"]).default("SIMPLE"),
  value: z.string().default(""),
});
const definition = z.looseObject({
  name: name.optional(),
  type: z.enum(["INVALID", "WEB", "WORKER", "DATABASE", "SANDBOX"]).optional(),
  strategy: z.looseObject({ type: z.enum(STRATEGIES).optional() }).optional(),
  env: z
    .array(z.looseObject({ key: z.string().min(1), value: z.string().optional(), secret: z.string().optional() }))
    .optional(),
  regions: z.array(z.string()).optional(),
  scalings: z
    .array(z.looseObject({ min: z.int().min(0).max(20).optional(), max: z.int().min(1).max(20).optional() }))
    .optional(),
  instance_types: z.array(z.looseObject({ type: z.string().optional() })).optional(),
  health_checks: z.array(z.looseObject({ http: z.looseObject({ path: z.string().optional() }).optional() })).optional(),
});
const flag = z.boolean().default(false);
export const serviceBody = z.looseObject({ definition, skip_build: flag, save_only: flag });
export const createServiceBody = z.looseObject({ app_id: z.string(), definition, name: name.optional() });
export const redeployBody = z.looseObject({ use_cache: flag, skip_build: flag, sha: z.string().optional() });
export const appBody = z.looseObject({ name });

/** An answer of the vendor that is no success. */
export class KoyebError extends Error {
  readonly status: ContentfulStatusCode;
  readonly code: string;
  readonly fields: readonly { readonly field: string; readonly description: string }[];
  constructor(status: ContentfulStatusCode, code: string, message: string, fields: KoyebError["fields"] = []) {
    super(message);
    this.status = status;
    this.code = code;
    this.fields = fields;
  }
}
export const notFound = (what: string): KoyebError => new KoyebError(404, "not_found", `${what} not found`);
export const invalid = (field: string, description: string): KoyebError =>
  new KoyebError(400, "validation_error", "Validation error", [{ field, description }]);

/** @throws {KoyebError} 400 that names each field. */
export function parse<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const fields = parsed.error.issues.map((issue) => ({
    field: issue.path.map(String).join("."),
    description: issue.message,
  }));
  throw new KoyebError(400, "validation_error", "Validation error", fields);
}
