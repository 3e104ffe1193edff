/** Types of the model for the suite; the model itself is untyped. */
export interface ModelCase {
  readonly id: string;
  readonly title: string;
  readonly expect: string;
  readonly states: number;
}
export interface ModelResult {
  readonly holds: boolean | null;
  readonly broken?: string;
  readonly trace?: readonly string[];
  readonly states: number;
}
export const CASES: readonly ModelCase[];
export function check(entry: ModelCase): ModelResult;
