/** The grants as docs/database.md prints them, so that what is printed is what is tested. */

import { readFileSync } from "node:fs";
import { join } from "node:path";

export function grants(): string[] {
  const page = readFileSync(join(import.meta.dirname, "../../docs/database.md"), "utf8");
  const [, block = ""] = page.split("```sql grants\n");
  const [sql = ""] = block.split("```");
  return sql.split(";").filter((statement) => statement.trim() !== "");
}
