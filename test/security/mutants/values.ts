/** Secret values: how they are drawn, sealed and declared dead, and tokens that were verified once. Each mutant is a mistake that somebody could make. */
import type { Mutant } from "./mutant.ts";

export const VALUES: readonly Mutant[] = [
  {
    id: "SEC-03/half-of-it-is-random",
    breaks: "one half of a secret follows from the other",
    file: "cli/secrets/secret.ts",
    from: "const bytes = randomBytes(SECRET_BYTES);",
    to: "const half = randomBytes(SECRET_BYTES / 2);\n      const bytes = Buffer.concat([half, half.map((byte) => byte ^ 0xff)]);",
    caughtBy: ["a generated secret > is the 32 random bytes that were drawn for it, all of them and nothing else"],
  },
  {
    id: "SEC-04/one-key-for-all",
    breaks: "every sealed box is made with a key that everybody knows",
    file: "cli/targets/sealed-box.ts",
    from: "const own = x25519.getPublicKey(ephemeral);",
    to: "ephemeral.fill(7);\n  const own = x25519.getPublicKey(ephemeral);",
    caughtBy: ["sealed box > is made with the ephemeral key that was drawn for it, and with no other"],
  },
  {
    id: "DB-02/private-in-the-middle",
    breaks: "a public host passes for one of a private network",
    file: "contract/database-url.ts",
    from: "/\\.(?:internal|flycast)$/i",
    to: "/\\.(?:internal|flycast)/i",
    caughtBy: ["address of the database > is refused when it %s, without repeating it"],
  },
  {
    id: "ROT-03/configuration-is-not-looked-at",
    breaks: "an origin is dead although its next start would accept what leaked",
    file: "cli/secrets/kill.ts",
    from: "return [look.config, ...look.instances.map",
    to: "return [...look.instances.map",
    caughtBy: ["an origin in an emergency > is not dead where %s"],
  },
  {
    id: "ROT-03/anything-but-the-old-one",
    breaks: "an origin is dead whatever else it accepts",
    file: "cli/secrets/kill.ts",
    from: "acceptedKids(kids).join() === emergency.secret.kid",
    to: "!acceptedKids(kids).includes(emergency.leaked)",
    caughtBy: ["an origin in an emergency > is not dead where %s"],
  },
  {
    id: "ROT-06/somebody-answered",
    breaks: "Fly.io: what another Machine answers counts for the one that was asked",
    file: "cli/targets/fly.ts",
    from: "answer?.instanceId === id ? answer",
    to: "answer !== null ? answer",
    caughtBy: [
      "the Machines at Fly.io > are asked one by one: what another Machine answers says nothing of the one that was asked",
    ],
  },
  {
    id: "JWT-01/remembered-for-ever",
    breaks: "a token that was verified once is good after its end",
    file: "worker/authenticate.ts",
    from: "if (seen.exp > now / 1000 - CLOCK_TOLERANCE_SECONDS) {",
    to: "if (seen.exp > 0) {",
    caughtBy: ["verified tokens > are verified once and remembered until they expire"],
  },
  {
    id: "JWT-01/another-key-of-that-name",
    breaks: "a token that was verified once is good under whatever key has its key's id now",
    file: "worker/authenticate.ts",
    from: "?.thumbprint === seen.thumbprint) return seen;",
    to: "?.thumbprint !== undefined) return seen;",
    caughtBy: ["verified tokens > are verified again when another key comes under the same id"],
  },
];
