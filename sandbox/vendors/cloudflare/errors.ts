/** The refusals of the Workers API by name. A message names the wrong thing and never a value of a secret. */

/** One refusal: `status` is HTTP, `code` is Cloudflare's own number inside the envelope. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  readonly code: number;
  constructor(status: number, code: number, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** The caller's JSON or multipart body is not what the endpoint takes. */
export const badRequest = (message: string): ApiError => new ApiError(400, 10026, message);
export const unauthenticated = (): ApiError => new ApiError(401, 10000, "Authentication error");
/** The token is good, the account is not its own. */
export const forbidden = (): ApiError => new ApiError(403, 10000, "Authentication error");
export const missingScript = (): ApiError => new ApiError(404, 10007, "This Worker does not exist on your account.");
export const missingVersion = (): ApiError => new ApiError(404, 10007, "The specified version does not exist.");
export const noVersions = (): ApiError => new ApiError(400, 10222, "This Worker has no uploaded versions.");
export const missingSecret = (name: string): ApiError => new ApiError(404, 10056, `Secret binding ${name} not found.`);
export const latestNotDeployed = (): ApiError =>
  new ApiError(
    400,
    10215,
    "Secret edit failed. You attempted to modify a secret, but the latest version of your Worker isn't currently deployed. " +
      "Please deploy the latest version first, or use the versions API to modify a secret without deploying it.",
  );
export const nothingToInherit = (name: string): ApiError =>
  new ApiError(
    400,
    10057,
    `Could not inherit binding '${name}': the version it is inherited from has no such binding.`,
  );
export const secretsChanged = (names: readonly string[]): ApiError =>
  new ApiError(
    400,
    10220,
    `Cannot deploy this version without force. The following secrets have changed: ${names.toSorted().join(", ")}`,
  );
export const bindingTaken = (name: string): ApiError =>
  new ApiError(400, 10053, `Binding name '${name}' already in use.`);
export const scriptFails = (reason: string): ApiError => new ApiError(400, 10021, reason);
export const migrationTag = (current: string | null): ApiError =>
  new ApiError(412, 10079, `Migration tag precondition failed; current tag is '${current ?? ""}'`);
export const migrationNeedsDeploy = (): ApiError =>
  new ApiError(
    400,
    10211,
    "Durable Object migrations must be fully applied by deploying a non-versioned upload of the script.",
  );
export const noSuchClass = (className: string, binding: string): ApiError =>
  new ApiError(
    400,
    10061,
    `Cannot create binding for class '${className}' (binding ${binding}) because it is not currently configured to implement Durable Objects. Did you forget to include a migration?`,
  );
