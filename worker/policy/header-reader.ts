/** The client's headers, names in lower case. `Headers`, or a Map of them: asking a Map does not cross into the runtime each time. */
export interface ClientHeaders extends Iterable<[string, string]> {
  get(name: string): string | null | undefined;
}
