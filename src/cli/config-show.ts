/** `authensor-gw config show`. */

import { printable } from "../base/printable.ts";
import { loadConfig } from "../gateway/config-read.ts";
import { showConfig } from "../gateway/config-show.ts";
import type { Invocation } from "./command.ts";
import { shown } from "./context.ts";
import { table } from "./print.ts";

export async function run(call: Invocation): Promise<number> {
  const { io, options } = call;
  const loaded = loadConfig({ path: options.text("config"), env: io.env, cwd: io.cwd });
  if (!loaded.ok) throw shown(loaded.error, io);
  const { config, source } = loaded.value;
  const all = showConfig(config, source);
  const wanted = options.has("effective") ? all : all.filter(({ origin }) => origin !== "default");
  if (options.has("json")) {
    for (const value of wanted) io.out(JSON.stringify(value));
    return 0;
  }
  io.err(`→ file ${config.file}`);
  for (const note of config.notes) io.err(printable(note));
  if (wanted.length === 0) io.out("Nothing is written; --effective shows the defaults.");
  else {
    const rows = wanted.map(({ path, value, origin }) => [path, value, origin].map(printable));
    io.out(table([["KEY", "VALUE", "FROM"], ...rows]));
  }
  return 0;
}
