/**
 * In which forms a client takes answers. MCP says that a client names both, JSON and an event stream, and many do not: some name one, some
 * take anything, some say nothing. Each can be answered in a form that it reads, so nobody is refused for it. No I/O.
 */

/** `both`: the origin chooses. `json`: a stream would not be understood. `events`: only a stream is. */
export type AnswerForm = "both" | "json" | "events";

/** What origins hear, whatever the client said: both forms. */
export const BOTH_FORMS = "application/json, text/event-stream";

/** The weight of a media range; 0 = never. RFC 9110, section 12.4.2. */
function weightOf(parameters: readonly string[]): number {
  for (const parameter of parameters) {
    const [name = "", value = ""] = parameter.split("=", 2);
    if (name.trim().toLowerCase() === "q") return Number(value.trim()) || 0;
  }
  return 1;
}

/** RFC 9110, section 12.5.1: of several ranges that fit, the most specific one counts. Names are without case. */
export function answerForm(accept: string | null | undefined): AnswerForm {
  if (accept === BOTH_FORMS) return "both";
  const weights = new Map<string, number>();
  for (const range of (accept ?? "").split(",")) {
    const [type = "", ...parameters] = range.split(";");
    weights.set(type.trim().toLowerCase(), weightOf(parameters));
  }
  const weight = (...names: readonly string[]): number => {
    for (const name of names) {
      const known = weights.get(name);
      if (known !== undefined) return known;
    }
    return 0;
  };
  // Whoever takes anything, or says nothing, has not said that it can read a stream.
  if (weight("text/event-stream", "text/*") === 0) return "json";
  return weight("application/json", "application/*", "*/*") === 0 ? "events" : "both";
}
