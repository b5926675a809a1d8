/** `authensor-gw logs`: the gateway's log as people read it, filtered, and followed with -f. */

import { fault } from "../base/errors.ts";
import { type Filter, type FilterRecord, matches } from "../base/filter.ts";
import { limits } from "../base/limits.ts";
import { type LogLine, readLine } from "../base/log-text.ts";
import { printable } from "../base/printable.ts";
import type { Invocation } from "./command.ts";
import { countOption } from "./count-option.ts";
import { filterOption } from "./filter-option.ts";
import { logFields } from "./log-line.ts";
import { openLog } from "./log-source.ts";
import { readerGone } from "./reader-gone.ts";

export async function run(call: Invocation): Promise<number> {
  const filter = filterOption(call, logFields);
  const count = countOption(call, "lines", 200, limits.logLines);
  const follow = call.options.has("follow");
  if (follow && call.options.text("file") === "-") {
    const fix = "leave -f out: standard input is read to its end";
    throw fault("GW_USAGE", { message: "Standard input cannot be followed", fix });
  }
  const source = await openLog(call, follow, filter === undefined ? count : limits.logLines);
  const over = readerGone();
  let gone = false;
  void over.then(() => {
    gone = true;
    source.close();
  });
  await show(call, source.lines, { filter, count, gone: () => gone });
  return 0;
}

interface Wanted {
  readonly filter: Filter | undefined;
  readonly count: number;
  gone(): boolean;
}

/** Of what is there the last ones, of what comes all; undefined stands between the two. */
async function show(
  { io, options }: Invocation,
  lines: AsyncIterable<string | undefined>,
  { filter, count, gone }: Wanted,
): Promise<void> {
  const out = (line: LogLine) => io.out(options.has("json") ? line.raw : line.text);
  const past: LogLine[] = [];
  let live = false;
  const flush = () => {
    live = true;
    for (const line of past.splice(0)) out(line);
  };
  for await (const raw of lines) {
    if (gone()) return;
    if (raw === undefined) flush();
    else if (raw !== "") {
      const line = readLine(raw);
      if (filter !== undefined && !matches(filter, record(line))) continue;
      if (live) out(line);
      else past.push(line);
      if (past.length > count) past.shift();
    }
  }
  flush();
}

function record({ fields, text }: LogLine): FilterRecord {
  const time = Date.parse(String(fields["time"] ?? ""));
  const found: Record<string, string | number | null> = {
    line: text,
    since: Number.isNaN(time) ? null : Date.now() - time,
  };
  for (const { name, kind } of logFields) {
    const value = fields[name];
    if (kind === "age" || name === "line" || value === undefined) continue;
    found[name] = typeof value === "number" ? value : printable(String(value));
  }
  return found;
}
