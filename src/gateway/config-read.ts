/** Reads the config: file, `${…}`, form, meaning. All problems at once, each with its place. */

import { ok, type Result } from "../base/result.ts";
import { type Loaded, loadAll, loadWith, type ReadOptions } from "./config-load.ts";
import type { Config } from "./config-model.ts";
import type { ConfigProblem } from "./config-problem.ts";
import type { ConfigSource } from "./config-source.ts";
import { parseSource } from "./config-yaml.ts";

export type { ConfigProblem } from "./config-problem.ts";

/**
 * Finds and reads the config. Writes nothing. Problems are GW_CONFIG_MISSING, GW_CONFIG,
 * GW_VARIABLE, GW_SECRET_MODE, GW_LISTEN, in the order of their lines.
 */
export function readConfig(options: ReadOptions): Result<Config, readonly ConfigProblem[]> {
  const loaded = loadConfig(options);
  return loaded.ok ? ok(loaded.value.config) : loaded;
}

/** The same with the file's own words, for `config show`. */
export function loadConfig(
  options: ReadOptions,
): Result<{ config: Config; source: ConfigSource }, readonly ConfigProblem[]> {
  return loadWith(options, parseSource);
}

/** The same for `check`: all problems, and what is there beside them. */
export function inspectConfig(options: ReadOptions): Loaded {
  return loadAll(options, parseSource);
}
