/**
 * What a file of somebody's own threw, in one line for its author: the error's words, and where. Such a file reads environment variables
 * and parses texts, and an error quotes what it met, so of its words only those are kept that are no value: words, names, paths. Pure.
 */

/** Where the file is, and what its process knows. */
export interface ThrownIn {
  /** Absolute; what is below it is named from there. */
  readonly folder: string;
  readonly variables: Readonly<Record<string, string | undefined>>;
}

const HIDDEN = "[…]";
/** Unit: characters. */
const LONGEST = 240;
/** A variable of such a name holds a value that nobody prints, however short or plain it is. */
const SECRETIVE = /TOKEN|SECRET|KEY|PASS|CREDENTIAL|AUTH|DATABASE|DSN|URL/i;
/** One word as people and programs write them, with the signs around it: no digits among letters, no key, no address. */
const WORD = /^[\p{L}\p{M}]{1,24}(?:[-'’.][\p{L}]{1,24})*$/u;
const NAME = /^[A-Za-z]+(?:[_.-][A-Za-z]+)*$/;
/** Long without a break, or of letters and digits: what a token looks like. */
const RANDOM = /[A-Za-z0-9+=]{33}|(?=[^/.]*\d[^/.]*\d[^/.]*\d)(?=[^/.]*[A-Za-z])[A-Za-z0-9+=_-]{16}/;
const PATH = /^(?:file:\/\/)?(?:@?[\w.+ -]*\/)+[\w.+ -]*$|^[\w-]+\.(?:[cm]?[jt]sx?|json)$/;
/** What the names in a path consist of: words, capitals where a word begins or everywhere, a number. Base64 has slashes too. */
const PART = /^(?:\d{1,5}|[A-Z]*\d{0,4}|[A-Z]?[a-z]+(?:[A-Z][a-z]{2,})*(?:\d{1,4}[a-z]*)?)$/;

const isPath = (word: string): boolean =>
  PATH.test(word) &&
  !RANDOM.test(word) &&
  word
    .replace(/^file:/, "")
    .split(/[/@_.+ -]+/)
    .every((part) => PART.test(part));

const isPlain = (word: string): boolean =>
  word === "" || WORD.test(word) || (NAME.test(word) && word.length <= 40) || /^\d{1,5}$/.test(word) || isPath(word);

/** `(reading` is a word in a bracket. */
function kept(word: string): string {
  const [, before = "", inner = "", after = ""] = /^([([{<]*)(.*?)([)\]}>.,:;!?]*)$/su.exec(word) ?? [];
  return isPlain(inner) || !/[\p{L}\p{N}]/u.test(inner) ? word : `${before}${HIDDEN}${after}`;
}

/** Values of the environment: those that are secret by name, and those that are no common word or path, nor lead to the folder. */
const valuesOf = ({ folder, variables }: ThrownIn): readonly string[] =>
  Object.entries(variables)
    .flatMap(([name, value]) =>
      value !== undefined &&
      value.length >= 4 &&
      (SECRETIVE.test(name) || (value.length >= 8 && !folder.startsWith(value) && !isPlain(value)))
        ? [value]
        : [],
    )
    .sort((a, b) => b.length - a.length);

function speakable(message: string, where: ThrownIn): string {
  const { folder } = where;
  // Further lines quote source, or are another error's.
  let text = message.split("\n", 1)[0] ?? "";
  for (const value of valuesOf(where)) text = text.replaceAll(value, HIDDEN);
  text = text.replaceAll(`file://${folder}/`, "").replaceAll(`${folder}/`, "");
  // What JSON.parse quotes is the text that it was given.
  const isQuotable = /\bJSON\b/.test(text)
    ? () => false
    : (inner: string) => isPlain(inner) || /^type: [a-z]+$|^[^\p{L}\p{N}]{1,3}$/u.test(inner);
  return text
    .split(/(`[^`]*`|"[^"]*"|(?<![\p{L}\p{N}])'[^']*'(?![\p{L}\p{N}]))/u)
    .map((part, index) => {
      if (index % 2 === 0)
        return part
          .split(/(\s+)/)
          .map((word, at) => (at % 2 === 0 ? kept(word) : " "))
          .join("");
      return isQuotable(part.slice(1, -1)) ? part : `${part[0]}…${part[0]}`;
    })
    .join("")
    .slice(0, LONGEST);
}

/** `mcpist.config.ts:3:7`; empty where the stack does not say. */
function placeIn(stack: string, folder: string): string {
  const [first = "", ...frames] = stack.split("\n");
  // A syntax error's stack begins with the place, and goes on with the source.
  const syntax = /^(?:file:\/\/)?(\/.*|[A-Za-z]:[\\/].*):(\d+)$/.exec(first);
  const places = frames.flatMap((frame) => {
    const [, path, line] = /^\s+at .*?file:\/\/(\/.*?):(\d+):\d+\)?$/.exec(frame) ?? [];
    return path === undefined || line === undefined ? [] : [{ path: decoded(path), line }];
  });
  const own = ({ path }: { readonly path: string }) =>
    path.startsWith(`${folder}/`) && !path.includes("/node_modules/");
  const found = syntax ? { path: decoded(syntax[1] ?? ""), line: syntax[2] ?? "" } : places.find(own);
  if (!found) return "";
  return `${found.path.startsWith(`${folder}/`) ? found.path.slice(folder.length + 1) : found.path}:${found.line}`;
}

/** A path of a file URL. One that somebody made up stays as it is. */
function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** @returns for example `TypeError: Cannot read properties of undefined (reading 'owner'), at mcpist.config.ts:3`. Never throws. */
export function thrownSentence(thrown: unknown, where: ThrownIn): string {
  try {
    if (!(thrown instanceof Error)) {
      const kind =
        thrown === null ? "null" : typeof thrown === "string" ? "a text" : `a value of type ${typeof thrown}`;
      return `it threw ${kind} that is no Error`;
    }
    const { name, message, stack = "" } = thrown;
    const said = speakable(message, where);
    const place = placeIn(stack, where.folder);
    const title = /^[A-Za-z]{1,40}$/.test(name) ? name : "Error";
    return `${title}${said === "" ? "" : `: ${said}`}${place === "" || said.endsWith(place) ? "" : `, at ${place}`}`;
  } catch {
    return "it threw what cannot be read";
  }
}
