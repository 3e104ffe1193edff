/** Actions secrets and variables, of a repository and of an environment: https://docs.github.com/rest/actions/secrets */
import type { Context } from "hono";
import type { operations } from "@octokit/openapi-types";
import type { VendorApp } from "../vendor.ts";
import { done, reply, type Schema } from "./described.ts";
import { MAX_SECRETS, secretName, type SecretEntry, type Vault, type Variable, type WriteOutcome } from "./vault.ts";
import { failure, invalid, isoSeconds, notFound, objectBody, page } from "./wire.ts";

/** Most variables of one repository; an environment has 100. */
const MAX_VARIABLES = 500;
const REFUSALS: Readonly<Record<Exclude<WriteOutcome, "created" | "updated">, string>> = {
  key: "The public key ID provided is not the current public key. Fetch it again and encrypt the value anew",
  box: "Improperly encrypted secret",
  name: "Secret names can only contain alphanumeric characters ([a-z], [A-Z], [0-9]) or underscores (_), must not start with a number or GITHUB_",
  size: "Secret values must be at most 48 KB",
  full: `The maximum of ${MAX_SECRETS} secrets is reached`,
};
const times = (entry: SecretEntry) => ({
  created_at: isoSeconds(entry.createdAt),
  updated_at: isoSeconds(entry.updatedAt),
});
const secretView = (entry: SecretEntry): Schema<"actions-secret"> => ({ name: entry.name, ...times(entry) });
const variableView = (entry: Variable): Schema<"actions-variable"> => ({
  name: entry.name,
  value: entry.value,
  ...times(entry),
});

/** Each operation is there twice: for a repository and for an environment. */
type Op<Verb extends string, What extends string> = `actions/${Verb}-${"repo" | "environment"}-${What}` &
  keyof operations;

/** Finds the vault that a path names; null = the repository or environment is not there. */
export type VaultOf = (c: Context) => Vault | null;

/** Adds the routes of one scope. `base` is the path up to `/secrets` and `/variables`. */
export function addVault(app: VendorApp, base: string, vaultOf: VaultOf): void {
  const withVault = (handler: (c: Context, vault: Vault) => Response | Promise<Response>) => (c: Context) => {
    const vault = vaultOf(c);
    return vault ? handler(c, vault) : notFound(c);
  };
  const nameOf = (c: Context): string => c.req.param("name") ?? "";

  app.get(
    `${base}/secrets/public-key`,
    withVault((c, vault) => reply<Op<"get", "public-key">>(c, vault.publicKey(), 200)),
  );
  app.get(
    `${base}/secrets`,
    withVault((c, vault) => {
      const secrets = vault.list();
      return reply<Op<"list", "secrets">>(
        c,
        { total_count: secrets.length, secrets: page(c, secrets).map(secretView) },
        200,
      );
    }),
  );
  app.get(
    `${base}/secrets/:name`,
    withVault((c, vault) => {
      const entry = vault.get(nameOf(c));
      return entry ? reply<Op<"get", "secret">>(c, secretView(entry), 200) : notFound(c);
    }),
  );
  app.put(
    `${base}/secrets/:name`,
    withVault(async (c, vault) => {
      const body = await objectBody(c);
      const { encrypted_value: sealed, key_id: keyId } = body ?? {};
      if (typeof sealed !== "string" || typeof keyId !== "string")
        return invalid(c, 'Invalid request.\n\n"encrypted_value", "key_id" weren\'t supplied.');
      const outcome = vault.put(nameOf(c), sealed, keyId);
      if (outcome === "created") return reply<Op<"create-or-update", "secret">>(c, {}, 201);
      return outcome === "updated" ? done(c, "actions/create-or-update-repo-secret") : invalid(c, REFUSALS[outcome]);
    }),
  );
  app.delete(
    `${base}/secrets/:name`,
    withVault((c, vault) => (vault.delete(nameOf(c)) ? done(c, "actions/delete-repo-secret") : notFound(c))),
  );

  app.get(
    `${base}/variables`,
    withVault((c, vault) => {
      const variables = [...vault.variables.values()].sort((a, b) => a.name.localeCompare(b.name));
      return reply<Op<"list", "variables">>(
        c,
        { total_count: variables.length, variables: page(c, variables, 30).map(variableView) },
        200,
      );
    }),
  );
  app.post(
    `${base}/variables`,
    withVault(async (c, vault) => {
      const { name, value } = (await objectBody(c)) ?? {};
      if (typeof name !== "string" || typeof value !== "string")
        return invalid(c, 'Invalid request.\n\n"name", "value" weren\'t supplied.');
      const stored = secretName(name);
      if (stored === null) return invalid(c, "Variable name is invalid");
      if (vault.variables.has(stored)) return failure(c, 409, "Already exists - Variable already exists");
      if (vault.variables.size >= MAX_VARIABLES)
        return invalid(c, `The maximum of ${MAX_VARIABLES} variables is reached`);
      const now = Date.now();
      vault.variables.set(stored, { name: stored, value, createdAt: now, updatedAt: now });
      return reply<Op<"create", "variable">>(c, {}, 201);
    }),
  );
  app.get(
    `${base}/variables/:name`,
    withVault((c, vault) => {
      const variable = vault.variables.get(nameOf(c).toUpperCase());
      return variable ? reply<Op<"get", "variable">>(c, variableView(variable), 200) : notFound(c);
    }),
  );
  app.patch(
    `${base}/variables/:name`,
    withVault(async (c, vault) => {
      const old = vault.variables.get(nameOf(c).toUpperCase());
      if (!old) return notFound(c);
      const { name = old.name, value = old.value } = (await objectBody(c)) ?? {};
      const stored = typeof name === "string" ? secretName(name) : null;
      if (stored === null || typeof value !== "string") return invalid(c, "Variable name is invalid");
      if (stored !== old.name && vault.variables.has(stored))
        return failure(c, 409, "Already exists - Variable already exists");
      vault.variables.delete(old.name);
      vault.variables.set(stored, { name: stored, value, createdAt: old.createdAt, updatedAt: Date.now() });
      return done(c, "actions/update-repo-variable");
    }),
  );
  app.delete(
    `${base}/variables/:name`,
    withVault((c, vault) =>
      vault.variables.delete(nameOf(c).toUpperCase()) ? done(c, "actions/delete-repo-variable") : notFound(c),
    ),
  );
}
