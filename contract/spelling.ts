/**
 * What is wrong with a name or an address, in words for whoever wrote it. The words never repeat the text: a secret may have been pasted
 * into the wrong place. Pure.
 */

/** A grammar with the words for whoever broke it. */
export interface Grammar {
  readonly shape: RegExp;
  /** What it must look like; follows "it must be". */
  readonly words: string;
  /** Faults that people make, the most telling first; what all texts have in common ({@link COMMON}) is found without. */
  readonly faults?: readonly Fault[];
}

/** What a text that has a fault looks like, and what the fault is; the words follow "it". */
export type Fault = readonly [shape: RegExp, words: string];

/** What nobody means to write, and hardly sees. */
const COMMON: readonly Fault[] = [
  [/^\s*$/, "is empty"],
  // Zero width, direction, byte order mark, control characters.
  [/\p{Cf}|(?!\s)\p{Cc}/u, "has an invisible character in it"],
  [/^\s/, "begins with white space"],
  [/\s$/, "ends with white space"],
  [/^["'`“‘]|["'`”’]$/, "has quotes of its own"],
];
/** What is a fault of a name; a URL or a text may have it. */
export const OF_NAMES: readonly Fault[] = [
  [/^[a-z][a-z\d+.-]*:\/\//i, "has a scheme in front: only the name is wanted"],
  [/\s/, "has white space in it"],
];
const OUTSIDE_ASCII: Fault = [/\P{ASCII}/u, "has a letter outside of ASCII in it"];
const UPPER_CASE: Fault = [/[A-Z]/, "has upper case in it"];

/** Faults of a host name. */
export const OF_HOSTS: readonly Fault[] = [
  ...OF_NAMES,
  [/@/, "has a user in front"],
  [/[/?#\\]/, "has a path behind it: only the name is wanted"],
  [/:\d*$/, "has a port behind it: only the name is wanted"],
  [/\.$/, "ends with a dot"],
  [/\*/, "has a wildcard in it"],
  [/\P{ASCII}/u, "has a letter outside of ASCII in it: write the form that begins with xn--"],
  UPPER_CASE,
  [/_/, "has an underscore in it"],
  [/^\d+(?:\.\d+){3}$/, "is an address, not a name"],
  [/^\.|\.\./, "has nothing before one of its dots"],
  [/(?:^|\.)-|-(?:\.|$)/, "has a part that begins or ends with a dash"],
  [/[^.]{64}/, "has a part of more than 63 characters"],
  [/^.{254}/, "has more than 253 characters"],
  [/^[^.]*$/, "has no dot in it"],
];
/** Faults of a name that is all lower case, digits and dashes. */
export const OF_SLUGS: readonly Fault[] = [
  ...OF_NAMES,
  [/^@/, "has an @ in front"],
  [/\//, "has a slash in it"],
  [/\./, "has a dot in it"],
  OUTSIDE_ASCII,
  UPPER_CASE,
  [/_/, "has an underscore in it"],
  [/-$/, "ends with a dash"],
  [/^[^a-z]/, "does not begin with a letter"],
];
/** Faults of an address. */
export const OF_URLS: readonly Fault[] = [
  [/^(?![a-z][a-z\d+.-]*:\/\/)/i, "has no scheme in front, such as https://"],
  [/\s/, "has white space in it"],
  [/\\/, "has a backslash in it"],
  [/^[^/]*\/\/[^/?#]*@/, "has a user or a password in it"],
  [/^[^/]*\/\/[^/?#]*\*/, "has a wildcard in it"],
  [/#/, "has a # in it"],
];

/** @returns the first fault that the text has, "it …"; null when it has none of those that people make */
export function faultOf(text: string, faults: readonly Fault[] = []): string | null {
  const fault = [...COMMON, ...faults].find(([shape]) => shape.test(text));
  return fault === undefined ? null : `it ${fault[1]}`;
}

/** Says what is wrong with a text that has not the grammar's shape, and what it must be. */
export function complaint({ words, faults }: Pick<Grammar, "words" | "faults">, text: unknown): string {
  const fault = typeof text === "string" ? faultOf(text, faults) : null;
  return fault === null ? `it must be ${words}` : `${fault}; it must be ${words}`;
}
