/** The project's database: its address, its schema, users and tools. */
import { hint, mcpist, say } from "./hint.ts";

/** The entries. */
export const DATABASE = {
  databaseUrl: hint(
    "you",
    "no address of the database, or none that can be read",
    () => say`read -rs DATABASE_URL && export DATABASE_URL`,
  ),
  caFile: hint(
    "you",
    "a file of certificates that is not here",
    () => say`correct sslrootcert in DATABASE_URL, then run the command again`,
  ),
  connect: hint("the database", "no connection", () => say`check the address and the password in DATABASE_URL`),
  migrate: hint("the database", "migrations that are not applied", () => say`${mcpist("db migrate")}`),
  dbStatus: hint("the database", "a migration that stopped", () => say`${mcpist("db status")}`),
  schema: hint("the database", "a schema that is not as it should be", (advice: string) => say`${advice}`),
  users: hint("you", "a user that is none", () => say`${mcpist("access list")}`),
  tools: hint("you", "a tool or a module that is none", () => say`${mcpist("tools list")}`),
  usersAndTools: hint(
    "you",
    "a change that the schema refuses",
    () => say`${mcpist("access list")}, ${mcpist("tools list")}`,
  ),
} as const;
