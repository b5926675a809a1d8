/** From the config's file to its meaning, with whichever parser. All problems at once. */

import { readFileSync, statSync } from "node:fs";
import path from "node:path";
import { limits } from "../base/limits.ts";
import { no, ok, type Result } from "../base/result.ts";
import { shellWord } from "../base/shell-word.ts";
import { buildConfig } from "./config-build.ts";
import type { ExpandOptions } from "./config-expand.ts";
import { configPlaces, type Environment } from "./config-find.ts";
import { readForm as checkForm, type Issue } from "./config-form.ts";
import { problemsOf } from "./config-issues.ts";
import type { Config } from "./config-model.ts";
import { type ConfigPath, type ConfigProblem, pathText } from "./config-problem.ts";
import { configSchema } from "./config-schema.ts";
import type { ConfigSource, Parsed } from "./config-source.ts";

export interface ReadOptions {
  /** `--config`; relative to cwd. */
  readonly path?: string | undefined;
  readonly env: Environment;
  readonly cwd: string;
  /**
   * For commands that only ask: values of `servers` and `tls` need the service's secrets and may be
   * missing; what is wrong with `database` comes as databaseProblems.
   */
  readonly lenient?: boolean;
  /** What the named file is to hold: it is not read, and need not be there. */
  readonly text?: string;
}

/** Finds and reads the config. Writes nothing. */
export function loadWith(
  options: ReadOptions,
  parse: (text: string, file: string, options: ExpandOptions) => Parsed,
): Result<{ config: Config; source: ConfigSource }, readonly ConfigProblem[]> {
  const { problems, rest } = loadAll(options, parse);
  if (rest === undefined) return no(problems);
  const { config, source } = rest;
  const counted = options.lenient === true ? problems.filter(isNeeded) : problems;
  const database = counted.filter((problem) => rootOf(problem) === "database");
  const excused = options.lenient === true ? database.length : 0;
  if (counted.length > excused) return no(problems);
  if (excused === 0) return ok({ config, source });
  return ok({ config: { ...config, databaseProblems: database }, source });
}

export interface Loaded {
  /** In the order of their lines. */
  readonly problems: readonly ConfigProblem[];
  /** Without what is wrong; undefined: no sense can be made of the file. */
  readonly rest: Rest | undefined;
}

interface Rest {
  readonly config: Config;
  readonly source: ConfigSource;
  /** What is wrong and so left out, as people write paths: `listen`, `servers.files.timeout`. */
  readonly wrong: readonly string[];
}

/** The same, and what can be said of the rest where something is wrong. */
export function loadAll(
  options: ReadOptions,
  parse: (text: string, file: string, options: ExpandOptions) => Parsed,
): Loaded {
  const read = readFirst(options);
  if (!read.ok) return { problems: [read.error], rest: undefined };
  const { file, text } = read.value;
  const files = new Set([file]);
  const seen = (one: string) => void files.add(one);
  const expanding = { env: options.env, folder: path.dirname(file), seen };
  const { source, problems, readable } = parse(text, file, expanding);
  if (!readable) return { problems: inOrder(problems), rest: undefined };
  const { raw, issues } = readForm(source, problems);
  const built = raw && buildConfig({ raw, source, env: options.env, problems, seen });
  if (built === undefined) return { problems: inOrder(problems), rest: undefined };
  const config = { ...built, files: [...files, ...built.policy] };
  const told = problems.flatMap(({ key }) => (key === undefined ? [] : [key]));
  const wrong = [...issues.flatMap(wrongIn), ...told];
  return { problems: inOrder(problems), rest: { config, source, wrong } };
}

function wrongIn(issue: Issue): readonly string[] {
  if (issue.code !== "unrecognized_keys") return [pathText(issue.path)];
  return issue.keys.map((key) => pathText([...issue.path, key]));
}

function isNeeded(problem: ConfigProblem): boolean {
  return !["servers", "mcpServers", "tls"].includes(rootOf(problem));
}

/** First key of what a problem is about. */
function rootOf({ key = "" }: ConfigProblem): string {
  const dot = key.indexOf(".");
  return dot === -1 ? key : key.slice(0, dot);
}

/** Checks the form; what has a wrong one is taken out, so that the rest can be checked further. */
function readForm(source: ConfigSource, problems: ConfigProblem[]) {
  const tree = source.tree ?? Object.create(null);
  const first = checkForm(configSchema, tree);
  if (first.ok) return { raw: first.value, issues: [] };
  const { issues } = first;
  problems.push(...problemsOf(issues, source));
  for (const issue of issues) {
    if (issue.code !== "unrecognized_keys") remove(tree, issue.path);
    else for (const key of issue.keys) remove(tree, [...issue.path, key]);
  }
  const second = checkForm(configSchema, tree);
  return { raw: second.ok ? second.value : undefined, issues };
}

function remove(tree: unknown, path: ConfigPath): void {
  let node = tree as Record<string | number, unknown>;
  for (const step of path.slice(0, -1)) node = node[step] as typeof node;
  const last = path.at(-1);
  if (Array.isArray(node)) node.splice(0);
  else if (last !== undefined) delete node[last];
}

function readFirst(options: ReadOptions): Result<{ file: string; text: string }, ConfigProblem> {
  const { named, places } = configPlaces(options);
  if (named !== undefined && options.text !== undefined) {
    return ok({ file: named, text: options.text });
  }
  for (const file of named === undefined ? places : [named]) {
    const place = { file, line: 0, column: 0 };
    try {
      if (statSync(file).size > limits.configBytes) {
        const message = `The config is larger than ${limits.configBytes} bytes`;
        return no({ code: "GW_CONFIG", message, ...place });
      }
      return ok({ file, text: readFileSync(file, "utf8") });
    } catch (thrown) {
      const cause = (thrown as NodeJS.ErrnoException).code ?? "unreadable";
      if (cause === "ENOENT" && named === undefined) continue;
      const message = `Cannot read the config "${file}": ${cause}`;
      return no({ ...unreadable(cause, file), message, ...place });
    }
  }
  const message = `No config in ${places.map((place) => `"${place}"`).join(", ")}`;
  return no({ code: "GW_CONFIG_MISSING", message, file: places[0] ?? "", line: 0, column: 0 });
}

/** Only where no file is, one is to be written. */
function unreadable(cause: string, file: string): Pick<ConfigProblem, "code" | "fix"> {
  if (cause === "ENOENT") {
    const fix = `\`authensor-gw init --config ${shellWord(file)}\` writes one`;
    return { code: "GW_CONFIG_MISSING", fix };
  }
  const fixes: Readonly<Record<string, string>> = {
    EISDIR: "name a file: this is a folder",
    EACCES: "let this user read it, or run this as a user who may",
  };
  return { code: "GW_CONFIG", fix: fixes[cause] ?? "name a file that can be read" };
}

function inOrder(problems: readonly ConfigProblem[]): readonly ConfigProblem[] {
  return [...problems].sort((a, b) => a.line - b.line || a.column - b.column);
}
