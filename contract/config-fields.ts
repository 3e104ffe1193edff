/** The fields that mcpist.config.ts is made of: what one setting may be, an origin, and a server. */
import { z } from "zod";
import { MCP_PATH } from "./headers.ts";
import { isCanonicalUrl, isPlainHost, PLATFORM_NAME, PLATFORM_PLACE, TOOL_NAME, webOriginOf } from "./names.ts";
import { isSafeUrl } from "./safe-url.ts";
import { OWN_SECRET_NAME, SERVER_NAME } from "./servers.ts";
import { complaint, faultOf, type Grammar, OF_HOSTS, OF_NAMES, OF_URLS } from "./spelling.ts";

/** Text of a grammar, with what is wrong with it. */
export const matching = (grammar: Grammar) =>
  z.string().regex(grammar.shape, { error: ({ input }) => complaint(grammar, input) });
/** What every platform accepts as a name. */
export const name = matching(PLATFORM_NAME);
/** A region. */
const region = matching(PLATFORM_PLACE);
/** Any text but none, and nothing beside it that nobody sees. */
export const text = z.string().superRefine((value, context) => {
  const fault = faultOf(value);
  if (fault !== null) context.addIssue({ code: "custom", message: fault });
});
const URL_GRAMMAR = {
  words: "an https URL (http only on loopback)",
  faults: [...OF_URLS, [/^http:/i, "is plain http to another machine"], [/^(?!https?:)/i, "has another scheme"]],
} satisfies Pick<Grammar, "words" | "faults">;
/** A final dot is another name for certificates and for whoever compares hosts. */
const DOTTED_HOST = /^[^/]*\/\/[^/?#:]*\.(?=[/?#:]|$)/;
/** A whole URL. */
export const url = z.string().superRefine((value, context) => {
  // What follows from it is not told beside it.
  const issue = { code: "custom", continue: false } as const;
  if (!isSafeUrl(value)) context.addIssue({ ...issue, message: complaint(URL_GRAMMAR, value) });
  else if (DOTTED_HOST.test(value))
    context.addIssue({ ...issue, message: `it has a dot behind its host; it must be ${URL_GRAMMAR.words}` });
});
const withoutQuery = url.refine(
  (value) => !URL.canParse(value) || new URL(value).search === "",
  "a URL without a query",
);
/** A path is put behind it. */
export const baseUrl = withoutQuery.transform((value) => value.replace(/\/$/, ""));
/** Compared with the token's `iss` character by character, so it is kept as it is written (RFC 8414 §3.3, RFC 9068 §4). */
export const issuer = withoutQuery;
/** A web origin, as browsers write it. */
export const webOrigin = z.string().transform((value, context) => {
  const origin = webOriginOf(value);
  if (origin.ok) return origin.value;
  context.addIssue({ code: "custom", message: origin.error });
  return z.NEVER;
});
/** The gateway's own address. */
const ENDPOINT: Grammar = {
  shape: new RegExp(`^\\w+://[^/?#]+${MCP_PATH}$`),
  words: `the URL of the MCP endpoint, which ends with ${MCP_PATH}`,
  faults: [
    [/\?/, "has a query"],
    [/^[^/]*\/\/[^/]*\/?$/, "has no path"],
    [/\/$/, "ends with a slash"],
    [/^[^/]*\/\/[^/]*\/./, "has another path"],
  ],
};
/** The one spelling of an address that clients ask for. */
const AS_ASKED_FOR = {
  words: "written as clients ask for it: lower-case host, no default port, no raw IDN",
  faults: [
    [/^[^/]*[A-Z]/, "has upper case in its scheme"],
    [/^[^/]*\/\/[^/]*\P{ASCII}/u, "has a letter outside of ASCII in its host: write the form that begins with xn--"],
    [/^[^/]*\/\/[^/]*[A-Z]/, "has upper case in its host"],
    [/^(?:https:\/\/[^/]*:443|http:\/\/[^/]*:80)\//, "names the default port"],
  ],
} satisfies Pick<Grammar, "words" | "faults">;
/** The URL that clients connect to, in the one spelling that they ask for. */
export const audience = url.superRefine((value, context) => {
  if (!ENDPOINT.shape.test(value)) context.addIssue({ code: "custom", message: complaint(ENDPOINT, value) });
  else if (!isCanonicalUrl(value)) context.addIssue({ code: "custom", message: complaint(AS_ASKED_FOR, value) });
});
/** A name as `URL.hostname` writes it, or an address. */
export const plainHost = z.string().superRefine((value, context) => {
  const words = "a host name in lower case, without a port";
  if (!isPlainHost(value)) context.addIssue({ code: "custom", message: complaint({ words, faults: OF_HOSTS }, value) });
});
/** {@link SERVER_NAME}. */
export const SERVER: Grammar = {
  shape: SERVER_NAME,
  words: "lower-case letters, digits, - and single _, at most 31, no _ at the end",
  faults: [
    ...OF_NAMES,
    [/[A-Z]/, "has upper case in it"],
    [/\./, "has a dot in it"],
    [/^[^a-z]/, "does not begin with a letter"],
    [/__/, "has two underscores in a row"],
    [/_$/, "ends with an underscore"],
    [/^.{32}/, "has more than 31 characters"],
  ],
};
/** A scope of OAuth. */
export const SCOPE: Grammar = {
  shape: /^[\x21\x23-\x5b\x5d-\x7e]{1,64}$/,
  words: "a scope as RFC 6749 writes it",
  faults: [[/\s/, "has white space in it: each scope is an entry of its own"]],
};
/** Where to report a hole. */
export const CONTACT: Grammar = {
  shape: /^(mailto:[^\s@]+@[^\s@]+|https:\/\/\S+)$/,
  words: "a mailto: or https: address",
  faults: [
    [/\s/, "has white space in it"],
    [/^[^:]*@/, "has no mailto: in front"],
    [/^http:/i, "is plain http"],
  ],
};
/** Name of an environment variable. */
export const VARIABLE: Grammar = {
  shape: /^[A-Z][A-Z0-9_]*$/,
  words: "the name of a variable in upper case, such as MCPIST_NOTIFY_URL, not what it holds",
  faults: [
    [/:\/\//, "is a URL"],
    ...OF_NAMES,
    [/[a-z]/, "has lower case in it"],
    [/-/, "has a dash in it"],
    [/^\$/, "has a $ in front"],
  ],
};
/** Of all durations: no date and no timer holds any number. Unit: milliseconds. */
const LONGEST_MS = 87_600 * 3_600_000;
/** Unit after parsing: milliseconds. */
export const duration = matching({
  shape: /^\d+(ms|s|m|h)$/,
  words: 'a duration such as "90s" or "30m"',
  faults: [
    [/\s/, "has white space in it"],
    [/^\d+$/, "has no unit"],
    [/^\d+[.,]\d/, "is no whole number"],
    [/^\d+\D+\d/, "has more than one unit"],
    [/^\d+\D+$/, "has a unit that is not known here (ms, s, m or h)"],
  ],
})
  .transform((value) => {
    const unit = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[value.replace(/\d+/, "") as "ms" | "s" | "m" | "h"];
    return Number.parseInt(value, 10) * unit;
  })
  .refine((ms) => ms <= LONGEST_MS, "it is longer than ten years (87600h)");
/** Tokens tell their times in whole seconds. */
export const tokenLifetime = duration.refine(
  (ms) => ms >= 1000,
  "no token lives shorter than a second: say at least 1s",
);
const state = z.enum(["pool", "joining", "quarantined"]).default("pool");

/** A service at Koyeb. */
export const koyebOrigin = z.strictObject({
  name,
  kind: z.literal("koyeb"),
  url: baseUrl,
  app: name,
  service: name,
  region: region.default("fra"),
  state,
});
/** An app at Fly.io, with its Machines. */
export const flyOrigin = z.strictObject({
  name,
  kind: z.literal("fly"),
  url: baseUrl,
  app: name,
  region: region.default("nrt"),
  machines: z.int().min(1).max(50).default(1),
  state,
});

/** When a platform's token ends. */
export const tokenEnd = z.strictObject({ ends: z.iso.date("a day such as 2027-03-01") });

/** The name of a secret of one's own. */
export const ownSecret = matching({
  shape: OWN_SECRET_NAME,
  words: "a name in upper case such as WEATHER_KEY",
  faults: [
    ...OF_NAMES,
    [/[a-z]/, "has lower case in it"],
    [/-/, "has a dash in it"],
    [/^.{64}/, "has more than 63 characters"],
  ],
});
/** An MCP server behind the origins. */
export const server = z
  .strictObject({
    /** Program and arguments; the program is in the origin's image. */
    command: z
      .array(z.string().refine((part) => !part.includes("\0"), "no NUL"))
      .min(1)
      .refine(([program]) => program !== "", "the program has no name")
      .optional(),
    /** Folder of the program, from the configuration's own folder: laid into the image, and where the program runs. */
    folder: z
      .string()
      .regex(/^[^\0:]+$/, "a path without a colon")
      .optional(),
    /** Streamable HTTP endpoint beside the origin; never public. */
    url: url.optional(),
    credential: ownSecret.optional(),
    secrets: z.array(ownSecret).optional(),
    trusted: z.boolean().optional(),
    perUser: z.boolean().optional(),
    concurrency: z.int().min(1).max(1000).optional(),
    account: matching(TOOL_NAME).optional(),
    description: z.string().max(500).optional(),
    tools: z
      .record(
        matching(TOOL_NAME),
        z.strictObject({ readOnly: z.boolean().optional(), idempotent: z.boolean().optional() }),
      )
      .optional(),
  })
  .superRefine(({ command, folder, url, credential, secrets }, context) => {
    if ((command === undefined) === (url === undefined))
      context.addIssue({ code: "custom", path: ["command"], message: "a server has either a command or a url" });
    if (url === undefined && credential !== undefined)
      context.addIssue({
        code: "custom",
        path: ["credential"],
        message: "only a server at a url is sent a credential",
      });
    if (command === undefined && folder !== undefined)
      context.addIssue({ code: "custom", path: ["folder"], message: "only a server with a command has a folder" });
    if (command === undefined && secrets !== undefined)
      context.addIssue({
        code: "custom",
        path: ["secrets"],
        message: "only a server with a command has an environment",
      });
  });
