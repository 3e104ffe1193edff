/** The connection that migrations use, whichever driver made it. */
export interface SchemaDatabase {
  /** Runs one statement on its own. @throws whatever the driver throws. */
  query<Row extends object>(text: string, parameters?: readonly (string | number)[]): Promise<readonly Row[]>;
  /** Runs a script of several statements, which is one transaction. */
  script(text: string): Promise<void>;
}

/** The owner's connection, which ends with the command that opened it. */
export interface OwnerDatabase extends SchemaDatabase {
  close(): Promise<void>;
}
