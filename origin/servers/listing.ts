/** From what a server lists to the tools that may be run: facts, pins and checks. Pure. */
import { readFacts, pinOf, MAX_TOOLS, type FactsFault, type ToolFacts } from "./tool-facts.ts";
import { createParameterCompiler, type ParameterCheck } from "./parameters.ts";
import type { RawListing } from "./connection.ts";

/** One tool of a server. */
export interface ListedTool {
  readonly facts: ToolFacts;
  /** 64 lower-case hex characters. */
  readonly pin: string;
  readonly check: ParameterCheck;
}

/** What is left of a listing. */
export interface Listing {
  readonly tools: ReadonlyMap<string, ListedTool>;
  /** How many were left out, by reason. "repeated" = a name that stands twice, of which neither is taken. */
  readonly leftOut: Readonly<Partial<Record<FactsFault | "repeated" | "too_many", number>>>;
  readonly instructions: string;
}

/** Reads a listing. Order: as the server gave it. */
export function readListing({ tools: raw, truncated, instructions }: RawListing): Listing {
  const leftOut: Partial<Record<FactsFault | "repeated" | "too_many", number>> = {};
  const leaveOut = (reason: FactsFault | "repeated" | "too_many"): void => {
    leftOut[reason] = (leftOut[reason] ?? 0) + 1;
  };
  if (truncated) leaveOut("too_many");
  const compiler = createParameterCompiler();
  const tools = new Map<string, ListedTool>();
  const repeated = new Set<string>();
  for (const entry of raw.slice(0, MAX_TOOLS)) {
    const facts = readFacts(entry);
    if (!facts.ok) {
      leaveOut(facts.error);
      continue;
    }
    const { name } = facts.value;
    if (repeated.has(name) || tools.has(name)) {
      // Which of the two would be called is the server's choice, so the name says nothing.
      repeated.add(name);
      tools.delete(name);
      leaveOut("repeated");
      continue;
    }
    const check = compiler.compile(facts.value.inputSchema);
    if (!check.ok) {
      leaveOut(check.error);
      continue;
    }
    tools.set(name, { facts: facts.value, pin: pinOf(facts.value, instructions), check: check.value });
  }
  return { tools, leftOut, instructions };
}
