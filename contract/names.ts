/** One grammar for each kind of name that a person writes: for the configuration, `mcpist init` and the policy of the stacks. */
import { err, ok, type Result } from "./result.ts";
import { complaint, type Grammar, OF_HOSTS, OF_NAMES, OF_SLUGS, OF_URLS } from "./spelling.ts";

const LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?";

/** A DNS name as URLs and firewall expressions compare it: lower case, no final dot. */
export const HOST_NAME: Grammar = {
  shape: new RegExp(`^(?=.{4,253}$)(?:${LABEL}\\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])$`),
  words: "a host name in lower case, such as mcp.example.com",
  faults: OF_HOSTS,
};
export const ACCOUNT_ID: Grammar = {
  shape: /^[0-9a-f]{32}$/,
  words: "32 lower-case hex characters, as the dashboard shows",
  faults: [
    ...OF_NAMES,
    [/^[0-9a-f]{32}$/i, "has upper case in it"],
    [/-/, "has dashes in it"],
    [/^[0-9a-f]{1,31}$/, "has fewer than 32 characters"],
    [/^[0-9a-f]{33}/, "has more than 32 characters"],
  ],
};
/** Managed users have an underscore before their company's short code. */
export const GITHUB_OWNER: Grammar = {
  shape: /^[A-Za-z0-9][A-Za-z0-9_-]{0,38}$/,
  words: "the name of a user or organization: letters, digits, - and _, at most 39",
  faults: [
    ...OF_NAMES,
    [/^@/, "has an @ in front"],
    [/\//, "has a slash in it: the repository has a setting of its own"],
    [/^[-_]/, "begins with a dash or an underscore"],
    [/^.{40}/, "has more than 39 characters"],
  ],
};
export const GITHUB_REPOSITORY: Grammar = {
  shape: /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}$/,
  words: "the name of a repository: letters, digits, ., - and _, at most 100",
  faults: [
    ...OF_NAMES,
    [/\//, "has a slash in it: its owner has a setting of its own"],
    [/^.{101}/, "has more than 100 characters"],
  ],
};
/** Apps, services, environments and Workers. Platforms make host names of them, whose labels do not end with a dash. */
export const PLATFORM_NAME: Grammar = {
  shape: /^[a-z](?:[a-z0-9-]{0,29}[a-z0-9])?$/,
  words: "lower-case letters, digits and dashes, at most 31, no dash at the end",
  faults: [...OF_SLUGS, [/^.{32}/, "has more than 31 characters"]],
};
/** Regions and organizations: short names that a platform gives. */
export const PLATFORM_PLACE: Grammar = {
  shape: /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/,
  words: "its short name at the platform: lower-case letters, digits and dashes",
  faults: OF_SLUGS,
};
/** Bucket of an S3 service. */
export const BUCKET_NAME: Grammar = {
  shape: /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/,
  words: "the name of a bucket: 3 to 63 lower-case letters, digits, dots and dashes",
  faults: [
    ...OF_NAMES,
    [/\//, "has a slash in it"],
    [/[A-Z]/, "has upper case in it"],
    [/_/, "has an underscore in it"],
  ],
};
/** An image as registries take it: all in lower case but for the tag. */
export const IMAGE: Grammar = {
  shape:
    /^[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?::\d+)?(?:\/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*(?::\w[\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?$/,
  words: "an image such as ghcr.io/acme/mcpist-origin:1.0.0",
  faults: [
    ...OF_NAMES,
    [/^[^:@]*[A-Z]/, "has upper case in its name, which no registry takes"],
    [/\/$|\/\/|^\//, "has a slash with nothing beside it"],
    [/:$/, "ends with a colon: the tag is missing"],
    [/@(?!sha256:[0-9a-f]{64}$)/, "has a digest that is not sha256: and 64 hex characters"],
  ],
};

/** Modules, their tools, and the modules of accounts: what a header, a log line and an SQL check take as they are. */
export const TOOL_NAME: Grammar = {
  shape: /^[A-Za-z0-9_.-]{1,64}$/,
  words: "letters, digits, _, . and -, at most 64",
  faults: [...OF_NAMES, [/^.{65}/, "has more than 64 characters"]],
};

/** True for a name or address as `URL.hostname` writes it, without a port. */
export const isPlainHost = (text: string): boolean =>
  /^[a-z0-9.[\]:-]+$/.test(text) && URL.canParse(`https://${text}/`) && new URL(`https://${text}/`).hostname === text;

const WEB_ORIGIN: Pick<Grammar, "words" | "faults"> = {
  words: 'a web origin such as "https://app.example.com": scheme and host, no path, no wildcard',
  faults: [...OF_URLS, [/^[^/]*\/\/[^/]*[/?]./, "has a path or a query behind it"]],
};

/**
 * A web origin as browsers send it in `Origin` (RFC 6454 §6.2): the only spelling that can ever match.
 * @returns the ASCII serialisation of what was written; as error what it must look like
 */
export function webOriginOf(text: string): Result<string, string> {
  const refused = err(complaint(WEB_ORIGIN, text));
  if (/[\s*\\?#@]/.test(text) || !URL.canParse(text)) return refused;
  const { protocol, origin, pathname, host } = new URL(text);
  if (protocol === "https:" || protocol === "http:")
    return pathname === "/" && /^https?:\/\//i.test(text) ? ok(origin) : refused;
  // Extensions and web views have schemes of their own, whose origin is the text itself.
  const own = `${protocol}//${host}`;
  return host !== "" && /^[a-z][a-z0-9+.-]*:\/\/[a-z0-9.-]+(:\d+)?$/.test(own) && own === text ? ok(own) : refused;
}

/** True for a URL in the one spelling that URL parsers give it: lower-case scheme and host, no default port, no dot segments. */
export const isCanonicalUrl = (text: string): boolean => URL.canParse(text) && new URL(text).href === text;

/** Steps between two words: a character more, less or other, or two neighbours exchanged. */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, (before[j - 2] ?? 0) + 1);
      row.push(best);
    }
    before = last;
    last = row;
  }
  return last[b.length] ?? 0;
}

/**
 * The known name that was probably meant. A word that is near none may be a value that was pasted into the wrong place, so it is
 * never told back. @returns null when nothing is near
 */
export function nearestName(word: string, known: readonly string[]): string | null {
  if (word.length > 64) return null;
  const near = known
    .map((name) => ({ name, steps: distance(word.toLowerCase(), name.toLowerCase()) }))
    .filter(({ name, steps }) => steps <= Math.min(2, Math.floor(name.length / 2)))
    .sort((a, b) => a.steps - b.steps);
  return near[0]?.name ?? null;
}
