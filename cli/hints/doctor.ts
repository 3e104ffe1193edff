/** What `mcpist doctor` finds missing or too broad, beside what the other entries say already. */
import { configFile, hint, mcpist, page, quoted, say } from "./hint.ts";

/** The entries. */
export const DOCTOR = {
  makeToken: hint("you", "a token that a platform does not accept", (where: string) => say`make a new one: ${where}`),
  narrowToken: hint(
    "you",
    "a token that may do more than is needed",
    (how: string, where: string) => say`${how}: ${where}`,
  ),
  flyToken: hint(
    "you",
    "a token of Fly.io that is missing, wrong or too broad",
    (app: string) => say`fly tokens create deploy -a ${quoted(app)}${app === "APP" ? ", for every app" : ""}`,
  ),
  otherFlyApp: hint(
    "the configuration",
    "an app of Fly.io that belongs to somebody else, or that the token is not for",
    (app: string) => say`choose another name, or fly tokens create deploy -a ${quoted(app)}`,
  ),
  grant: hint("you", "a permission that a token lacks", (grant: string, to: string) => say`grant ${grant} to ${to}`),
  correctNames: hint(
    "the configuration",
    "a name that a platform does not have",
    (settings: string, otherwise: string) => say`correct ${settings} in ${configFile}${otherwise}`,
  ),
  addZone: hint(
    "you",
    "a zone that is not in the account",
    () => say`add the zone to the account, or give the token Zone: read on it`,
  ),
  makeBase: hint("you", "what the base stacks make", () => say`${mcpist("deploy --base")}`),
  makeBaseOrCorrect: hint(
    "you",
    "what the base stacks make, under another name perhaps",
    () => say`${mcpist("deploy --base")}, or correct its name in ${configFile}`,
  ),
  makeService: hint("you", "an origin that was never deployed", () => say`${mcpist("deploy --first")}`),
  slotsThenService: hint(
    "you",
    "an origin that was never deployed, and its slots perhaps neither",
    () => say`${mcpist("secrets rotate --init")}, then ${mcpist("deploy --first")}`,
  ),
  baseOrDns: hint(
    "you",
    "the gateway's address does not answer",
    () => say`${mcpist("deploy --base")}, or look at the zone's DNS`,
  ),
  routes: hint(
    "the configuration",
    "file and gateway disagree about origins",
    () => say`${mcpist("secrets verify")}   (says which command brings them together), or ${mcpist("deploy --base")}`,
  ),
  machines: hint(
    "the configuration",
    "more or fewer Machines than the file says",
    () => say`${mcpist("deploy")}, or correct machines in ${configFile}`,
  ),
  flyMachineUpdate: hint(
    "an origin",
    "a Machine that is not as it has to be",
    (id: string, change: string, app: string) => say`fly machine update ${quoted(id)} ${change} -a ${quoted(app)}`,
  ),
  lookOrQuarantine: hint(
    "an origin",
    "an origin that does not answer",
    (name: string) => say`look at its logs; if it stays away: ${mcpist(`origins quarantine ${name}`)}`,
  ),
  networkOrIssuer: hint(
    "a platform",
    "an issuer that does not answer",
    () => say`check the network; else correct auth.issuer in ${configFile}`,
  ),
  asymmetricKeys: hint(
    "you",
    "an issuer without keys",
    () => say`switch the project to asymmetric signing keys (ES256) in Supabase`,
  ),
  install: hint("this machine", "a program that is missing or too old", (what: string) => say`install ${what}`),
  exportLine: hint("this machine", "a variable that is not set", (line: string) => say`export ${line}`),
  writeTokenEnd: hint(
    "the configuration",
    "a token of which nobody says when it ends",
    (area: string) => say`write the day to tokens.${area}.ends in ${configFile}`,
  ),
  nextToken: hint(
    "you",
    "a token that ends soon",
    () =>
      say`${page("docs/security/credentials.md")}: make the next one, put it where the old one is, then end the old one`,
  ),
  bucketKey: hint(
    "you",
    "no credentials for the bucket of the state",
    (bucket: string) => say`make a key for the bucket ${bucket} alone, and export it`,
  ),
} as const;
