/** The fields that mcpist.config.ts is made of: what one setting may be, an origin, and a server. */
import { z } from "zod";
import { PLATFORM_NAME, TOOL_NAME, webOriginOf, type Grammar } from "./names.ts";
import { OWN_SECRET_NAME } from "./servers.ts";
import { isSafeUrl } from "./safe-url.ts";

/** Text of a grammar, with the grammar's own words as what is wrong. */
export const matching = ({ shape, words }: Grammar) => z.string().regex(shape, words);
/** What every platform accepts as a name. */
export const name = matching(PLATFORM_NAME);
/** Any text but none. */
export const text = z.string().min(1);
/** A whole URL. */
export const url = z.string().refine(isSafeUrl, "an https URL (http only on loopback)");
/** A path is put behind it. */
export const baseUrl = url
  .refine((value) => URL.canParse(value) && new URL(value).search === "", "a URL without a query")
  .transform((value) => value.replace(/\/$/, ""));
/** Compared with the token's `iss` character by character, so it is kept as it is written (RFC 8414 §3.3, RFC 9068 §4). */
export const issuer = url.refine(
  (value) => URL.canParse(value) && new URL(value).search === "",
  "a URL without a query",
);
/** A web origin, as browsers write it. */
export const webOrigin = z.string().transform((value, context) => {
  const origin = webOriginOf(value);
  if (origin.ok) return origin.value;
  context.addIssue({ code: "custom", message: origin.error });
  return z.NEVER;
});
/** Unit after parsing: milliseconds. */
export const duration = z
  .string()
  .regex(/^\d+(ms|s|m|h)$/, 'a duration such as "90s" or "30m"')
  .transform((value) => {
    const unit = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[value.replace(/\d+/, "") as "ms" | "s" | "m" | "h"];
    return Number.parseInt(value, 10) * unit;
  });
const state = z.enum(["pool", "joining", "quarantined"]).default("pool");

/** A service at Koyeb. */
export const koyebOrigin = z.strictObject({
  name,
  kind: z.literal("koyeb"),
  url: baseUrl,
  app: name,
  service: name,
  region: text.default("fra"),
  state,
});
/** An app at Fly.io, with its Machines. */
export const flyOrigin = z.strictObject({
  name,
  kind: z.literal("fly"),
  url: baseUrl,
  app: name,
  region: text.default("nrt"),
  machines: z.int().min(1).max(50).default(1),
  state,
});

/** When a platform's token ends. */
export const tokenEnd = z.strictObject({ ends: z.iso.date("a day such as 2027-03-01") });

/** The name of a secret of one's own. */
export const ownSecret = z.string().regex(OWN_SECRET_NAME, "a name in upper case such as WEATHER_KEY");
/** An MCP server behind the origins. */
export const server = z
  .strictObject({
    /** Program and arguments; the program is in the origin's image. */
    command: z
      .array(z.string().refine((part) => !part.includes("\0"), "no NUL"))
      .min(1)
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
