/** Statements of one database, prepared once each. */

import type { DatabaseSync, StatementSync } from "node:sqlite";

export type Prepare = (sql: string) => StatementSync;

export function prepared(database: DatabaseSync): Prepare {
  const statements = new Map<string, StatementSync>();
  return (sql) => {
    const known = statements.get(sql);
    if (known !== undefined) return known;
    const statement = database.prepare(sql);
    statements.set(sql, statement);
    return statement;
  };
}

// node:sqlite types rows as unknown; the columns are those of the statement beside the call.
export function all<T>(statement: StatementSync, ...values: (string | number)[]): T[] {
  return statement.all(...values) as unknown as T[];
}

/** One after the other: what is not asked for is not read. */
export function each<T>(
  statement: StatementSync,
  values: readonly (string | number | Uint8Array)[],
): Iterable<T> {
  return statement.iterate(...values) as unknown as Iterable<T>;
}
