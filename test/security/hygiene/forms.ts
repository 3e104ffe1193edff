/**
 * The spellings in which a value could turn up somewhere, and the search for them. Knows nothing of processes and files: texts
 * come in as bytes read as latin1, so that one search serves binary files, process tables and terminal output alike.
 */

/** A value that must be nowhere. */
export interface Canary {
  /** For reports; never the value. */
  readonly name: string;
  readonly bytes: Buffer;
}

/** A canary that was found. Never the value, never what stood around it. */
export interface Sighting {
  readonly canary: string;
  readonly form: string;
}

/** Shorter texts are found in anything by accident. Unit: characters. */
const SHORTEST = 12;

/** The inner base64 of `bytes` when `offset` other bytes stand before them and unknown ones after: without the shared characters. */
function base64At(bytes: Buffer, offset: number): string {
  const text = Buffer.concat([Buffer.alloc(offset), bytes])
    .toString("base64")
    .replace(/=+$/, "");
  const shared = (offset + bytes.length) % 3 === 0 ? 0 : 1;
  return text.slice(Math.ceil((offset * 8) / 6), shared === 0 ? undefined : -shared);
}

const urlSafe = (text: string): string => text.replaceAll("+", "-").replaceAll("/", "_");
const latin1 = (text: string): string => Buffer.from(text, "utf8").toString("latin1");

/** Every spelling of `bytes`, by name; the same text appears once. */
export function formsOf(bytes: Buffer): ReadonlyMap<string, string> {
  const forms = new Map<string, string>();
  const add = (name: string, text: string): void => {
    if (text.length >= SHORTEST && ![...forms.values()].includes(text)) forms.set(name, text);
  };
  const spell = (prefix: string, raw: Buffer): void => {
    const text = raw.toString("utf8");
    add(`${prefix}raw`, raw.toString("latin1"));
    add(`${prefix}reversed`, Buffer.from(raw.toReversed()).toString("latin1"));
    add(`${prefix}hex`, raw.toString("hex"));
    add(`${prefix}hex in capitals`, raw.toString("hex").toUpperCase());
    for (const offset of [0, 1, 2]) {
      add(`${prefix}base64 at ${offset}`, base64At(raw, offset));
      add(`${prefix}base64url at ${offset}`, urlSafe(base64At(raw, offset)));
    }
    add(`${prefix}in a URL`, latin1(encodeURIComponent(text.includes("\uFFFD") ? "" : text)));
    add(`${prefix}in JSON`, latin1(JSON.stringify(text).slice(1, -1)));
    add(`${prefix}escaped by strace`, [...raw].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join(""));
  };
  spell("", bytes);
  const text = bytes.toString("latin1");
  if (/^[0-9a-f]{24,}$/.test(text)) {
    add("in capitals", text.toUpperCase());
    // 64 hex characters stand for 32 bytes, and those can be spelled on their own.
    spell("its bytes ", Buffer.from(text, "hex"));
  }
  return forms;
}

const escapePattern = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** Searches texts for every form of every canary. */
export class Search {
  readonly #meaning = new Map<string, Sighting>();
  readonly #pattern: RegExp;
  /** Longest form, for whoever reads in pieces. Unit: characters. */
  readonly longest: number;

  constructor(canaries: readonly Canary[]) {
    if (canaries.length === 0) throw new TypeError("a search for nothing finds nothing");
    for (const { name, bytes } of canaries)
      for (const [form, text] of formsOf(bytes)) this.#meaning.set(text, { canary: name, form });
    this.#pattern = new RegExp([...this.#meaning.keys()].map(escapePattern).join("|"), "g");
    this.longest = Math.max(...[...this.#meaning.keys()].map((text) => text.length));
  }

  /** @param text bytes as latin1. @returns each sighting once. */
  in(text: string): readonly Sighting[] {
    const seen = new Set([...text.matchAll(this.#pattern)].map(([match]) => match));
    return [...seen].flatMap((match) => this.#meaning.get(match) ?? []);
  }
}
