/** Runs policy rules. Pure. */
import { readDocument, type PolicyDocument } from "./document.ts";
import type { Rule } from "./rules/rule.ts";
import { masked } from "./secret-shapes.ts";

/** One violation. */
export interface Finding {
  readonly rule: Rule;
  readonly finding: string;
}

/** All violations of a document, by rule. A finding quotes names, and a name may be the value of a secret: it is masked. */
export const checkAll = (rules: readonly Rule[], document: PolicyDocument): readonly Finding[] =>
  rules.flatMap((rule) => rule.check(document).map((finding) => ({ rule, finding: masked(finding) })));

/** @returns one sentence per rule that refuses its accepted example or accepts its refused one; empty = the rules can be trusted. */
export function selfTest(rules: readonly Rule[]): readonly string[] {
  return rules.flatMap((rule) => {
    const verdict = (example: unknown) => {
      const document = readDocument(JSON.stringify(example));
      return document.ok ? rule.check(document.value).length : -1;
    };
    return [
      ...(verdict(rule.examples.accepted) === 0 ? [] : [`rule "${rule.name}" refuses its accepted example`]),
      ...(verdict(rule.examples.refused) > 0 ? [] : [`rule "${rule.name}" accepts its refused example`]),
    ];
  });
}
