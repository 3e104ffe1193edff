/**
 * The tables of schema `mcpist` in TypeScript. The migrations under supabase/ are the truth; a test compares every column with the
 * database. Row types come from here; the statements themselves are SQL, so that this file costs nothing at run time.
 */
import {
  bigint,
  boolean,
  customType,
  date,
  integer,
  jsonb,
  pgSchema,
  primaryKey,
  text,
  timestamp,
  uuid,
} from "drizzle-orm/pg-core";

const mcpist = pgSchema("mcpist");
const bytea = customType<{ data: Uint8Array }>({ dataType: () => "bytea" });
const time = (name: string) => timestamp(name, { withTimezone: true });

export const settings = mcpist.table("settings", {
  key: text().primaryKey(),
  value: text().notNull(),
  updatedAt: time("updated_at").notNull().defaultNow(),
});

export const plans = mcpist.table("plans", {
  id: text().primaryKey(),
  /** -1 = unlimited. */
  perMinute: integer("per_minute").notNull(),
  /** -1 = unlimited. */
  perMonth: integer("per_month").notNull().default(-1),
});

export const users = mcpist.table("users", {
  userId: uuid("user_id").primaryKey(),
  planId: text("plan_id")
    .notNull()
    .default("free")
    .references(() => plans.id),
  status: text({ enum: ["active", "suspended"] })
    .notNull()
    .default("active"),
  permissionsVersion: bigint("permissions_version", { mode: "bigint" }).notNull().default(1n),
  createdAt: time("created_at").notNull().defaultNow(),
  updatedAt: time("updated_at").notNull().defaultNow(),
});

export const tools = mcpist.table(
  "tools",
  {
    moduleId: text("module_id").notNull(),
    toolId: text("tool_id").notNull(),
    enabled: boolean().notNull().default(true),
    decoy: boolean().notNull().default(false),
    updatedAt: time("updated_at").notNull().defaultNow(),
    pin: text(),
  },
  (table) => [primaryKey({ columns: [table.moduleId, table.toolId] })],
);

export const toolSightings = mcpist.table(
  "tool_sightings",
  {
    moduleId: text("module_id").notNull(),
    toolId: text("tool_id").notNull(),
    facts: text().notNull(),
    pin: text().notNull(),
    firstSeen: time("first_seen").notNull().defaultNow(),
    lastSeen: time("last_seen").notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.moduleId, table.toolId, table.pin] })],
);

export const grants = mcpist.table(
  "grants",
  {
    userId: uuid("user_id")
      .notNull()
      .references(() => users.userId, { onDelete: "cascade" }),
    moduleId: text("module_id").notNull(),
    toolId: text("tool_id").notNull(),
    grantedAt: time("granted_at").notNull().defaultNow(),
    grantedBy: text("granted_by").notNull(),
    revokedAt: time("revoked_at"),
    revokedBy: text("revoked_by"),
  },
  (table) => [primaryKey({ columns: [table.userId, table.moduleId, table.toolId] })],
);

export const usageCounters = mcpist.table(
  "usage_counters",
  {
    userId: uuid("user_id").notNull(),
    origin: text().notNull(),
    windowStart: time("window_start").notNull(),
    calls: bigint({ mode: "bigint" }).notNull().default(0n),
    refused: bigint({ mode: "bigint" }).notNull().default(0n),
    limited: bigint({ mode: "bigint" }).notNull().default(0n),
  },
  (table) => [primaryKey({ columns: [table.userId, table.origin, table.windowStart] })],
);

export const usageMonthly = mcpist.table(
  "usage_monthly",
  {
    userId: uuid("user_id").notNull(),
    month: date().notNull(),
    calls: bigint({ mode: "bigint" }).notNull().default(0n),
  },
  (table) => [primaryKey({ columns: [table.userId, table.month] })],
);

export const callClaims = mcpist.table("call_claims", {
  requestId: uuid("request_id").primaryKey(),
  userId: uuid("user_id").notNull(),
  origin: text().notNull(),
  moduleId: text("module_id").notNull(),
  toolId: text("tool_id").notNull(),
  state: text({ enum: ["claimed", "done"] })
    .notNull()
    .default("claimed"),
  claimedAt: time("claimed_at").notNull().defaultNow(),
  finishedAt: time("finished_at"),
  result: bytea(),
  expiresAt: time("expires_at").notNull(),
});

export const securityEvents = mcpist.table("security_events", {
  id: bigint({ mode: "bigint" }).primaryKey().generatedAlwaysAsIdentity(),
  at: time("at").notNull().defaultNow(),
  layer: text({ enum: ["gateway", "origin", "broker"] }).notNull(),
  event: text().notNull(),
  verdict: text(),
  severity: text({ enum: ["info", "warn", "error", "critical"] }).notNull(),
  score: integer().notNull().default(0),
  userId: uuid("user_id"),
  clientId: text("client_id"),
  module: text(),
  tool: text(),
  nameHash: text("name_hash"),
  requestId: uuid("request_id"),
  origin: text(),
  httpStatus: integer("http_status"),
  ipHash: text("ip_hash"),
  count: integer().notNull().default(1),
  reason: text(),
  kid: text(),
});

export const changes = mcpist.table("changes", {
  id: bigint({ mode: "bigint" }).primaryKey().generatedAlwaysAsIdentity(),
  at: time("at").notNull().defaultNow(),
  changedBy: text("changed_by").notNull(),
  dbRole: text("db_role").notNull(),
  subject: text({ enum: ["users", "plans", "grants", "tools", "settings"] }).notNull(),
  before: jsonb(),
  after: jsonb(),
});

export const tokensGiven = mcpist.table("tokens_given", {
  id: bigint({ mode: "bigint" }).primaryKey().generatedAlwaysAsIdentity(),
  at: time("at").notNull().defaultNow(),
  userId: uuid("user_id").notNull(),
  moduleId: text("module_id").notNull(),
  requestId: uuid("request_id"),
  kind: text({ enum: ["access", "refresh"] }).notNull(),
});

export const connections = mcpist.table(
  "connections",
  {
    userId: uuid("user_id")
      .notNull()
      .references(() => users.userId, { onDelete: "cascade" }),
    moduleId: text("module_id").notNull(),
    vaultSecretId: uuid("vault_secret_id").notNull(),
    scopes: text().array().notNull().default([]),
    status: text({ enum: ["active", "broken"] })
      .notNull()
      .default("active"),
    accessExpiresAt: time("access_expires_at"),
    lease: uuid(),
    leaseUntil: time("lease_until"),
    refreshedAt: time("refreshed_at"),
    updatedAt: time("updated_at").notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.userId, table.moduleId] })],
);
