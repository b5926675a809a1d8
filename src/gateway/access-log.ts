/** `log.access`: one line for each call, when its receipt is closed; never arguments (A18). */

import type { Audit } from "../audit/audit.ts";
import { createLog } from "../base/log.ts";
import type { IntentFields, Outcome } from "../receipt/model.ts";

/** The same audit, which also logs: key, tool, outcome, ms. `write` is for tests. */
export function withAccessLog(audit: Audit, write?: (line: string) => void): Audit {
  const options = { level: "info", burst: Number.POSITIVE_INFINITY } as const;
  const log = createLog(write === undefined ? options : { ...options, write });
  const open = new Map<number, IntentFields>();
  const line = (fields: IntentFields, outcome: Outcome | "refused", code: string, ms: number) => {
    const { keyName: key, method, server, tool } = fields;
    const name = server === "" ? tool : `${server}/${tool}`;
    const why = code === "" ? {} : { code };
    log.info("call", { key, method, tool: name, outcome, ...why, ms });
  };
  return {
    ...audit,
    intent(fields) {
      const appended = audit.intent(fields);
      open.set(appended.seq, fields);
      return appended;
    },
    outcome(fields) {
      const intent = open.get(fields.of);
      open.delete(fields.of);
      const appended = audit.outcome(fields);
      if (intent !== undefined) line(intent, fields.outcome, fields.code, fields.tookMs);
      return appended;
    },
    refusal(fields) {
      const appended = audit.refusal(fields);
      line(fields, "refused", fields.code, 0);
      return appended;
    },
  };
}
