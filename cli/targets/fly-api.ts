/** Fly.io over the Machines API: the client, and the write of an app's secrets. */
import { authorizationOf } from "../../contract/authorization.ts";
import type { Context } from "../context.ts";
import { McpistError } from "../errors.ts";
import { HINTS } from "../hints/hints.ts";
import { Api } from "../http.ts";
import { asObject } from "./json.ts";

/** Client for one organisation. */
export function flyApi(context: Context, access: { baseUrl: string; token: string }): Api {
  const authorization = authorizationOf(access.token);
  return new Api(context, {
    vendor: "Fly.io",
    baseUrl: access.baseUrl,
    tokenVariable: "FLY_API_TOKEN",
    moved: {
      message: "its API is somewhere else",
      hint: HINTS.moved("correct FLY_FLAPS_BASE_URL, or unset it: its default is Fly.io's own API"),
    },
    headers: { authorization },
  });
}

/** Sets app secrets. @returns the app-wide secrets version, which Machines and lists must be told to wait for. */
export async function putFlySecrets(api: Api, app: string, values: Readonly<Record<string, string>>): Promise<number> {
  const { json } = await api.call("POST", `/v1/apps/${encodeURIComponent(app)}/secrets`, {
    body: { values },
    repeatable: true,
  });
  const version = Number(asObject(json, "Fly's answer")["version"] ?? asObject(json, "Fly's answer")["Version"]);
  if (Number.isSafeInteger(version)) return version;
  throw new McpistError(
    "ERR_VENDOR",
    "Fly.io acknowledged the secrets without a version, so no Machine can be told to wait for them",
    { hint: HINTS.vendorFault("Fly.io") },
  );
}
