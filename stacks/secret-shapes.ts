/** Texts that are credentials by their form. Pure. */

const SHAPES: readonly (readonly [name: string, shape: RegExp])[] = [
  ["64 hex characters, the shape of a gateway secret", /(?<![0-9a-f])(?<!sha256:)[0-9a-f]{64}(?![0-9a-f])/],
  ["a connection string with a password", /\b[a-z][a-z0-9+]*:\/\/[^\s/:@]*:[^\s/@]+@/],
  ["a GitHub token", /\b(gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,})/],
  ["a Fly.io token", /\b(FlyV1 |fo1_|fm[12]r?_)[A-Za-z0-9+/=_-]{20,}/],
  ["an AWS key id", /\b(AKIA|ASIA)[A-Z0-9]{16}\b/],
  ["a private key", /-----BEGIN [A-Z ]*PRIVATE KEY-----/],
  ["a JSON Web Token", /\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}/],
];

/** Names of the forms that a text has or contains. */
export const secretShapes = (text: string): readonly string[] =>
  SHAPES.filter(([, shape]) => shape.test(text)).map(([name]) => name);

/** The text with "…" in place of everything that has such a form, for messages. */
export const masked = (text: string): string =>
  SHAPES.reduce((masking, [, shape]) => masking.replaceAll(new RegExp(shape, "g"), "…"), text);
