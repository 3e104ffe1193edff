/** A Machine whose host Fly cannot reach. */
import { isRecord } from "../../contract/json.ts";
import { McpistError } from "../errors.ts";
import { HINTS } from "../hints/hints.ts";
import { textAt, type Json } from "./json.ts";

/** Fly cannot reach the Machine's host: its configuration is not given in full, and nothing about it can be changed. */
export const isHostAway = (machine: Json): boolean =>
  machine["host_status"] === "unreachable" || (!isRecord(machine["config"]) && isRecord(machine["incomplete_config"]));

/** A Machine with what Fly says about it. */
export const nameOf = (machine: Json): string =>
  `Machine ${String(machine["id"])} (${isHostAway(machine) ? `its host is ${String(machine["host_status"])}` : String(machine["state"])})`;

/** @throws {McpistError} ERR_VENDOR naming the Machine whose host Fly cannot reach. */
export function checkHost(app: string, machine: Json): void {
  if (!isHostAway(machine)) return;
  const id = textAt(machine, "id", "a Fly Machine");
  throw new McpistError(
    "ERR_VENDOR",
    `Fly.io cannot reach the host of Machine ${id} of ${app} (host_status ${String(machine["host_status"])}), so it cannot be updated`,
    { hint: HINTS.flyHost(id, app) },
  );
}
