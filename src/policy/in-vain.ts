/** Globs that are sound and still match nothing here: maybe no mistake, so they stop no start. */

import { didYouMean } from "../base/nearest.ts";
import type { Policy, RuleRef } from "./model.ts";
import { quote } from "./reader.ts";

/**
 * One line for each server that is not there, where it is known which are, and for each glob of
 * another dialect.
 */
export function inVain(policy: Policy, servers: readonly string[] | undefined): readonly string[] {
  const found: string[] = [];
  const told = new Set(servers);
  const otherwise = servers?.length === 0 ? "the config has none" : `use ${servers?.join(", ")}`;
  for (const { rule, glob } of policy.named()) {
    const slash = glob.indexOf("/");
    const server = glob.slice(0, slash);
    if (servers !== undefined && slash !== -1 && !isPattern(server) && !told.has(server)) {
      told.add(server);
      const fix = didYouMean(server, servers, otherwise);
      found.push(
        `${place(rule)} ${quote(glob)} matches nothing: no server is named ${server}; ${fix}`,
      );
    }
    if ([..."{}[]"].some((character) => glob.includes(character))) {
      const why = "braces and brackets are no wildcards, * and ? are; write one glob for each name";
      found.push(`${place(rule)} ${quote(glob)} may match nothing: ${why}`);
    }
  }
  return found;
}

function isPattern(text: string): boolean {
  return text.includes("*") || text.includes("?");
}

function place({ file, line }: RuleRef): string {
  return `${file}:${line}`;
}
