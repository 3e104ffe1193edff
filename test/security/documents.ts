/** Reads the project's own prose: what it claims, where its links lead. Pure over texts; the tests bring the files. */
import { anchorOf } from "../../site/pages.ts";

/** Words that promise more than a self-assessment can hold, in the languages of the documents. */
const FORBIDDEN: readonly RegExp[] = [
  /監査済|監査相当/,
  /完全(?!性)/,
  /バイパス不可/,
  /絶対(に)?(安全|破られ)/,
  /\bunbreakable\b|\bunhackable\b|\bbullet-?proof\b|\bhacker-?proof\b/i,
  /\bcannot be (bypassed|broken|hacked)\b/i,
  /\b(100|hundred) ?(%|percent) (secure|safe)\b|\b(fully|completely|totally|perfectly) secure\b/i,
  /\b(military|bank|enterprise)-grade\b/i,
  /\bzero[- ]risk\b|\brisk-free\b/i,
];
/** Words that are fine when they deny: "not audited", "no SOC 2 report". */
const ONLY_DENIED = /\b(audited|certified|SOC ?2|ISO ?27001|pen(etration)?[- ]tested|compliant)\b/gi;
const DENIAL = /\b(no|not|never|nobody|neither|without|cannot buy|un)\b[^.;:]{0,60}$/i;
const DENIAL_JA = /^[^。、]{0,40}(ない|ません|なし|無い|していない)/;

/** Claims in a text that the project may not make. @returns the claims themselves. */
export function forbiddenClaims(text: string): readonly string[] {
  const found = FORBIDDEN.flatMap((pattern) => pattern.exec(text)?.[0] ?? []);
  for (const match of text.matchAll(ONLY_DENIED)) {
    const before = text.slice(Math.max(0, match.index - 80), match.index);
    const after = text.slice(match.index + match[0].length, match.index + match[0].length + 60);
    if (!DENIAL.test(before) && !DENIAL_JA.test(after)) found.push(match[0]);
  }
  return found;
}

/** A link as it stands in a document. */
export interface Link {
  readonly target: string;
  readonly line: number;
}

/** Text without code blocks: what stands in them is not Markdown. */
const withoutBlocks = (text: string): string =>
  text.replace(/^(```|~~~)[\s\S]*?^\1[^\n]*$/gm, (block) => block.replace(/[^\n]/g, " "));
/** And without code spans: a link inside one leads nowhere on purpose. */
const withoutCode = (text: string): string =>
  withoutBlocks(text).replace(/`[^`\n]*`/g, (span) => " ".repeat(span.length));

/** Every link of a Markdown text: inline, reference and HTML ones. */
export function linksIn(text: string): readonly Link[] {
  const prose = withoutCode(text);
  const patterns = [/\]\(\s*<?([^)\s>]+)>?[^)]*\)/g, /^\s*\[[^\]]+\]:\s*<?(\S+?)>?\s*$/gm, /\b(?:href|src)="([^"]+)"/g];
  return patterns.flatMap((pattern) =>
    [...prose.matchAll(pattern)].map((match) => ({
      target: match[1] ?? "",
      line: prose.slice(0, match.index).split("\n").length,
    })),
  );
}

/** Anchors that GitHub makes from the headings of a Markdown text. */
export function anchorsIn(text: string): ReadonlySet<string> {
  const seen = new Map<string, number>();
  const anchors = new Set<string>();
  for (const [, heading = ""] of withoutBlocks(text).matchAll(/^#{1,6}\s+(.+?)\s*#*$/gm)) {
    const slug = anchorOf(heading);
    const count = seen.get(slug) ?? 0;
    seen.set(slug, count + 1);
    anchors.add(count === 0 ? slug : `${slug}-${count}`);
  }
  for (const [, name] of text.matchAll(/\b(?:id|name)="([^"]+)"/g)) if (name !== undefined) anchors.add(name);
  return anchors;
}
