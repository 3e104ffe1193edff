/** What a stack says when another environment declares the settings and rulesets of its zone; written by edge.ts, read by the policy. */

/** Name of the output. */
export const ZONE_PROTECTION = "zone_protection";
/** Its value. */
export const ELSEWHERE = "elsewhere";
