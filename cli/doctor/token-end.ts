/**
 * When a token ends, and a warning before that. GitHub and Cloudflare say it; Koyeb and Fly.io do not, so mcpist.config.ts may:
 * `tokens: { koyeb: { ends: "2027-03-01" } }`. Where both speak, the earlier day counts. Pure.
 */
import type { Environment } from "../../contract/config.ts";
import type { TargetKind } from "../../contract/secret-names.ts";
import type { Hint } from "../hints/hint.ts";
import { HINTS } from "../hints/hints.ts";
import type { Check } from "./check.ts";

/** Two weekly looks, and time to ask whoever may make a new one. Unit: days. */
const WARN_DAYS = 14;
const DAY_MS = 86_400_000;
/** How the platforms' own checks write the end into their line. */
const SAID = /, expires (?:in (?<days>-?\d+) days?|(?<at>\S+))$/;

function saidBy({ detail }: Check, now: Date): number | null {
  const { days, at } = SAID.exec(detail)?.groups ?? {};
  if (days !== undefined) return Number(days);
  const ends = Date.parse(at ?? "");
  return Number.isNaN(ends) ? null : Math.floor((ends - now.getTime()) / DAY_MS);
}

const advised = (advice: Hint) => ({ advice, next: advice.text() });

const inDays = (days: number): string => {
  const count = `${Math.abs(days)} day${Math.abs(days) === 1 ? "" : "s"}`;
  return days < 0 ? `was to end ${count} ago` : `ends in ${count}`;
};

/** The check of a platform's token with what is known of its end. @param recorded of mcpist.config.ts, the last day */
export function withEnd(check: Check, recorded: Environment["tokens"], now: Date): Check {
  if (check.what !== "token" || check.outcome === "missing" || check.outcome === "not run") return check;
  const day = recorded?.[check.area as TargetKind]?.ends;
  const [said, written] = [
    saidBy(check, now),
    day === undefined ? null : Math.floor((Date.parse(`${day}T23:59:59Z`) - now.getTime()) / DAY_MS),
  ];
  const known = [said, written].filter((days) => days !== null);
  if (known.length === 0)
    return {
      ...check,
      detail: `${check.detail}; nobody says when it ends`,
      ...advised(check.advice ?? HINTS.writeTokenEnd(check.area)),
    };
  const days = Math.min(...known);
  const shown = said === null ? `${check.detail}, ${inDays(days)}` : check.detail;
  if (days > WARN_DAYS) return { ...check, detail: shown };
  return {
    ...check,
    outcome: "ends soon",
    detail: said === null || said !== days ? `${check.detail.replace(SAID, "")}, ${inDays(days)}` : check.detail,
    ...advised(HINTS.nextToken()),
  };
}
