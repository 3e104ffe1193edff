/**
 * A safety net, not a licence: values are kept out of texts by construction; what slips through is replaced here.
 * Every encoding in which a value could be printed is registered with it.
 */
const MARK = "[secret]";
const escapePattern = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** Replaces registered values, bearer tokens and gateway-secret shapes in a text. */
export class Redactor {
  readonly #forms = new Set<string>();

  /** Registers a value in plain, base64, base64url, URL-encoded and JSON-escaped form, and the raw bytes behind 64 hex characters. */
  register(value: string): void {
    if (value.length < 8) return;
    const bytes = Buffer.from(value, "utf8");
    this.#forms.add(value);
    this.#forms.add(bytes.toString("base64"));
    this.#forms.add(bytes.toString("base64url"));
    this.#forms.add(bytes.toString("hex"));
    this.#forms.add(encodeURIComponent(value));
    this.#forms.add(JSON.stringify(value).slice(1, -1));
    if (/^[0-9a-f]{64}$/.test(value)) {
      const raw = Buffer.from(value, "hex");
      this.#forms.add(raw.toString("base64"));
      this.#forms.add(raw.toString("base64url"));
      this.#forms.add(value.toUpperCase());
    }
  }

  /** @returns `text` without registered values, bearer tokens, or anything that is shaped like a gateway secret. */
  apply(text: string): string {
    let clean = text;
    if (this.#forms.size > 0) {
      // Longest first: of two values where one begins with the other, the shorter must not leave the rest of the longer standing.
      const longestFirst = [...this.#forms].sort((a, b) => b.length - a.length);
      clean = clean.replace(new RegExp(longestFirst.map(escapePattern).join("|"), "g"), MARK);
    }
    return (
      clean
        .replace(/\b[0-9a-fA-F]{64}\b/g, MARK)
        .replace(/\b(Bearer|FlyV1)\s+[\w.,~+/=-]{8,}/gi, `$1 ${MARK}`)
        // GitHub's old scheme is an ordinary word: only what looks like a token behind it is one.
        .replace(/\btoken\s+(?=[\w.,~+/=-]*\d)[\w.,~+/=-]{8,}/gi, `token ${MARK}`)
    );
  }
}

/** Makes text from a platform safe for a terminal: control characters, and what turns the direction of text, become visible. */
export const printable = (text: string): string =>
  // oxlint-disable-next-line no-control-regex -- control characters are exactly what is replaced
  text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, "\uFFFD");

/** A short word of letters in one case, as names of ours are; no token, key, address or random value is one. */
const NAME = /^(?:-{0,2}[a-z]+(?:-[a-z]+)*|[A-Z]+(?:_[A-Z]+)*)$/;
const LONGEST_NAME = 24;

/**
 * What was typed where a name was asked for, so that a person sees the slip: ": rotat". Nothing for what may be a secret that was pasted by
 * mistake.
 */
export const typedName = (text: string): string => (text.length <= LONGEST_NAME && NAME.test(text) ? `: ${text}` : "");
