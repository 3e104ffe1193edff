/** How clients meet the tools of modules: through the two meta tools, or as tools of their own. Gateway and origins are told the same. */

/** meta = `get_module_schema` and `call`; native = the modules' own tools in `tools/list`, each as `module__tool`. */
export type Presentation = "meta" | "native";

/** Between the module's name and the tool's. No module's name has it, or ends with a part of it, so the first one is the border. */
export const NATIVE_SEPARATOR = "__";

/** True for a name that a module may have where its tools are presented natively: hosts refuse every other character. */
export const isNativeModule = (name: string): boolean =>
  /^[A-Za-z0-9_-]{1,31}$/.test(name) && !name.includes(NATIVE_SEPARATOR) && !name.endsWith("_");

/** Splits what a client calls. @returns null when no module's tool can be called so. */
export function splitNative(name: string): { readonly module: string; readonly rest: string } | null {
  const border = name.indexOf(NATIVE_SEPARATOR);
  return border < 1 ? null : { module: name.slice(0, border), rest: name.slice(border + NATIVE_SEPARATOR.length) };
}
