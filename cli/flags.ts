/** Flags that every command takes. */
export interface CommonFlags {
  readonly env?: string | undefined;
  readonly config: string;
  readonly json: boolean;
  readonly yes: boolean;
  readonly debug: boolean;
}
