/** From a few answers to the text of mcpist.config.ts. Pure: derives names, asks nobody, writes nothing. */
import type { ConfigInput, EnvironmentInput } from "../../contract/config.ts";
import { ACCOUNT_ID, GITHUB_OWNER, GITHUB_REPOSITORY, HOST_NAME, PLATFORM_NAME } from "../../contract/names.ts";
import { err, ok, type Result } from "../../contract/result.ts";
import { isSafeUrl } from "../../contract/safe-url.ts";
import { complaint, type Grammar, OF_URLS } from "../../contract/spelling.ts";

/** What a person has to say; everything else is derived. */
export interface Answers {
  /** Public host name of the gateway. */
  readonly domain: string;
  /** `owner/name`. */
  readonly repo: string;
  /** 32 hex characters. */
  readonly account: string;
  /** Supabase project ref, or the https URL of another issuer. */
  readonly supabase: string;
  /** Public URL of the Koyeb service; null = no origin there. */
  readonly koyebUrl: string | null;
  /** Name of the Fly.io app; null = no origin there. */
  readonly flyApp: string | null;
}

/** One question: its flag, its words, what an answer must look like. */
export interface Question {
  readonly key: keyof Answers;
  readonly flag: string;
  readonly ask: string;
  readonly grammar: Grammar;
  readonly optional: boolean;
}

export const QUESTIONS: readonly Question[] = [
  {
    key: "domain",
    flag: "--domain",
    ask: "Public host name of the gateway, e.g. mcp.example.com",
    grammar: HOST_NAME,
    optional: false,
  },
  {
    key: "repo",
    flag: "--repo",
    ask: "GitHub repository, owner/name",
    grammar: {
      shape: new RegExp(`${GITHUB_OWNER.shape.source.slice(0, -1)}/${GITHUB_REPOSITORY.shape.source.slice(1)}`),
      words: "owner/name",
      faults: [
        [/:\/\/|^git@/, "is a URL: only the owner, a slash and the name are wanted"],
        [/\s/, "has white space in it"],
        [/^@/, "has an @ in front"],
        [/^[^/]*$/, "has no slash in it"],
        [/\/.*\//, "has more than one slash in it"],
      ],
    },
    optional: false,
  },
  {
    key: "account",
    flag: "--account",
    ask: "Cloudflare account id",
    grammar: ACCOUNT_ID,
    optional: false,
  },
  {
    key: "supabase",
    flag: "--supabase",
    ask: "Supabase project ref (or the https URL of another issuer)",
    grammar: {
      shape: /^([a-z0-9]{4,40}|https:\/\/[^\s?#]+)$/,
      words: "a project ref, such as abcdefghijklmnopqrst, or an https URL",
      faults: [
        [/\s/, "has white space in it"],
        [/^http:/i, "is plain http"],
        [/^https:.*[?#]/, "has a query or a # in it"],
        [/\./, "is neither a ref, which has no dot, nor a URL, which begins with https://"],
        [/[A-Z]/, "has upper case in it"],
      ],
    },
    optional: false,
  },
  {
    key: "koyebUrl",
    flag: "--koyeb-url",
    ask: "Public URL of the Koyeb service (empty: no origin on Koyeb yet)",
    grammar: {
      shape: /^https:\/\/[^\s/?#]+\/?$/,
      words: "an https URL without a path",
      faults: [
        ...OF_URLS,
        [/^http:/i, "is plain http"],
        [/^[A-Z]/, "has upper case in its scheme"],
        [/^[^/]*\/\/[^/]*\/./, "has a path behind it"],
      ],
    },
    optional: true,
  },
  {
    key: "flyApp",
    flag: "--fly-app",
    ask: "Name of the Fly.io app (empty: no origin on Fly.io yet)",
    grammar: PLATFORM_NAME,
    optional: true,
  },
];

/** @returns the answer without surrounding white space; as error what is wrong and what it must be, never what was typed. */
export function checkAnswer(question: Question, text: string): Result<string | null, string> {
  const answer = text.trim();
  if (answer === "" && question.optional) return ok(null);
  const isUrl = answer.includes("://");
  const { grammar } = question;
  return grammar.shape.test(answer) && (!isUrl || isSafeUrl(answer)) ? ok(answer) : err(complaint(grammar, answer));
}

/** The zone that a host name most likely lives in: without its first label, unless that leaves a bare suffix. */
export function zoneOf(hostname: string): string {
  const labels = hostname.split(".");
  return labels.length > 2 ? labels.slice(1).join(".") : hostname;
}

/** `mcpist`, and `mcpist-staging` for every environment that is not production: names are shared by whole accounts. */
const named = (base: string, environment: string): string =>
  environment === "production" ? base : `${base}-${environment}`;

/** The environment that follows from the answers. `version` is the tag of the origin's image. */
export function environmentOf(name: string, answers: Answers, version: string): EnvironmentInput {
  const [owner = "", repo = ""] = answers.repo.split("/");
  const { domain, supabase, koyebUrl, flyApp } = answers;
  return {
    github: { owner, repo, environment: name, scope: "environment" },
    cloudflare: {
      accountId: answers.account,
      zone: zoneOf(domain),
      hostname: domain,
      worker: named("mcpist-gateway", name),
    },
    origins: [
      ...(koyebUrl === null
        ? []
        : [
            {
              name: "koyeb",
              kind: "koyeb" as const,
              url: koyebUrl.replace(/\/$/, ""),
              app: named("mcpist", name),
              service: "origin",
              region: "fra",
              state: "pool" as const,
            },
          ]),
      ...(flyApp === null
        ? []
        : [
            {
              name: "fly",
              kind: "fly" as const,
              url: `https://${flyApp}.fly.dev`,
              app: flyApp,
              region: "nrt",
              // Where nobody else serves, one Machine is away while the other boots.
              machines: koyebUrl === null ? 2 : 1,
              state: "pool" as const,
            },
          ]),
    ],
    auth: {
      issuer: supabase.startsWith("https://") ? supabase : `https://${supabase}.supabase.co/auth/v1`,
      audience: `https://${domain}/mcp`,
    },
    image: `ghcr.io/${owner.toLowerCase()}/mcpist-origin:${version}`,
    limits: { perIpPerMinute: 1000, burstPerSecond: 5 },
    drain: { minAge: "60s", quiet: "120s", max: "30m" },
  };
}

/** A flat object on one line, as a person writes it. */
const inline = (value: object): string =>
  `{ ${Object.entries(value)
    .map(([key, entry]) => `${key}: ${JSON.stringify(entry)}`)
    .join(", ")} }`;

/** The file. `checkout`: it stands beside contract/, which has the types; else the package has them. */
export function configText(name: string, environment: EnvironmentInput, checkout: boolean): string {
  const { github, cloudflare, origins, auth, image, limits, drain } = environment;
  return `/**
 * One installation, described once: names, accounts and limits, never a value. Every command and every stack reads it.
 * Written by mcpist init, yours from here on; settings that are not here have defaults.
 */
import { defineConfig } from "${checkout ? "./contract/config.ts" : "mcpist"}";

export default defineConfig({
  environments: {
    ${/^[a-z]+$/.test(name) ? name : JSON.stringify(name)}: {
      github: ${inline(github)},
      cloudflare: ${inline(cloudflare)},
      // In order of preference. state: "pool" gets traffic, "joining" waits for its first secret, "quarantined" is left out.
      origins: [
${origins.map((origin) => `        ${inline(origin)},`).join("\n")}
      ],
      auth: ${inline(auth)},
      image: ${JSON.stringify(image)},
      limits: ${inline(limits ?? {})},
      // A rotation retires the old secret after minAge, and after quiet without one use of it; it gives up after max.
      drain: ${inline(drain ?? {})},
    },
  },
});
`;
}

/** What {@link configText} writes, as an object; for the check before anything is written. */
export const configOf = (name: string, environment: EnvironmentInput): ConfigInput => ({
  environments: { [name]: environment },
});

/** What to type next in a project, in the order of a fresh set of accounts. */
export function projectCommands(name: string, image: string): readonly string[] {
  const mcpist = (words: string) => `npx mcpist ${words} --env ${name}`;
  return [
    mcpist("doctor --deploy"),
    mcpist("deploy --base"),
    mcpist("secrets rotate --init"),
    mcpist("secrets put DATABASE_URL"),
    mcpist("secrets put REQUEST_STATE_KEY --generate"),
    "npx mcpist db migrate",
    "npx mcpist origin build",
    `docker build -t ${image} build/origin`,
    `docker push ${image}`,
    mcpist("deploy --first"),
    mcpist("secrets verify"),
  ];
}

/** The same in a checkout of mcpist. */
export function bootstrapCommands(name: string, image: string): readonly string[] {
  const mcpist = (words: string) => `npm run mcpist -- ${words} --env ${name}`;
  const deploy = (stacks: string) => `MCPIST_ENV=${name} npx cdktn deploy '${name}-${stacks}'`;
  return [
    mcpist("doctor --deploy"),
    deploy("base-*"),
    mcpist("secrets rotate --init"),
    mcpist("secrets put DATABASE_URL"),
    mcpist("secrets put REQUEST_STATE_KEY --generate"),
    `docker build -f origin/Dockerfile -t ${image} .`,
    `docker push ${image}`,
    deploy("*"),
    mcpist("secrets verify"),
  ];
}
