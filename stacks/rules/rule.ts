/** What a policy rule is. One pure rule per file; each carries an example that it accepts and one that it must refuse. */
import type { PolicyDocument } from "../document.ts";

/** A policy rule. */
export interface Rule {
  /** Lower case with dashes; equals the file's name. */
  readonly name: string;
  /** The attack or accident that it stands against, in one sentence. */
  readonly why: string;
  /** One sentence per violation: address and what is wrong, never a value. Empty = accepted. */
  readonly check: (document: PolicyDocument) => readonly string[];
  /** Documents as they are written to disk. `stacks/check.ts` runs both before it trusts the rule. */
  readonly examples: { readonly accepted: unknown; readonly refused: unknown };
}
