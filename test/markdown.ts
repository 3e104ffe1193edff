/** Tables in Markdown, and their places in pages. Pure. */

/** A text as the cell of a table: on one line, and no column more. */
export const cell = (text: string): string => text.replaceAll("|", String.raw`\|`).replaceAll("\n", " ");

/**
 * The page with the table between its marks, which name where it is from: `test/<folder>/results.json`.
 * @throws {TypeError} when the page has no such marks.
 */
export function withTable(page: string, folder: string, table: string): string {
  const begin = `<!-- from test/${folder}/results.json: node test/${folder}/write-table.ts -->\n`;
  const from = page.indexOf(begin);
  const to = page.indexOf("\n<!-- end -->", from);
  if (from < 0 || to < from) throw new TypeError("the page has no place for the table");
  return page.slice(0, from) + begin + table + page.slice(to);
}
