/** One case of the model. */
export interface Case {
  readonly id: string;
  readonly title: string;
  readonly expect: "holds" | "K" | "C";
}
export const CASES: readonly Case[];
export function check(entry: Case): {
  readonly holds: boolean;
  readonly states: number;
  readonly broken?: string;
  readonly trace?: readonly string[];
};
