/** An explanation as lines of text, the same on every run. */

import type { Json } from "../base/json.ts";
import type { Explanation } from "./model.ts";

export function explainText(explanation: Explanation): string {
  const lines = [verdict(explanation)];
  if (explanation.decision.hint !== undefined) lines.push(`hint: ${explanation.decision.hint}`);
  const width = Math.max(0, ...explanation.rules.map(({ rule }) => rule.id.length));
  for (const { rule, result, conditions } of explanation.rules) {
    const mark = explanation.decision.matched.includes(rule.id) ? "matches" : "does not match";
    const where = `${rule.file}:${rule.line}`;
    lines.push(
      `  ${rule.effect.padEnd(5)} ${rule.id.padEnd(width)}  ${mark} (${result})  ${where}`,
    );
    for (const { path, operator, result: one, note, value } of conditions) {
      const seen = value === undefined ? "" : `, is ${shown(value)}`;
      const why = note === undefined ? "" : `, ${note}`;
      const what = operator === "other_args" ? noOthers : `${path} ${operator}`;
      lines.push(`        ${what}: ${one}${seen}${why}`);
    }
  }
  return lines.join("\n");
}

const noOthers = "every argument is declared or named (other_args)";

function verdict({ decision, rules }: Explanation): string {
  const { effect, code, rule, undecided } = decision;
  if (rule === undefined) {
    const nothing = rules.length === 0 ? "no rule is about this call and this key" : noneAllows;
    return `${effect} ${code}: ${nothing}`;
  }
  const why = code === undefined ? "" : ` ${code}`;
  const unsure = undecided ? ", which could not be decided" : "";
  return `${effect}${why}: rule ${rule.id} (${rule.file}:${rule.line})${unsure}`;
}

const noneAllows = "nothing that matched allows it";

/** Values are the caller's: ASCII only, so that a terminal shows them and does not obey them. */
function shown(value: Json): string {
  const text = JSON.stringify(value);
  let printable = "";
  for (const character of text.length > 80 ? `${text.slice(0, 77)}...` : text) {
    const code = character.codePointAt(0)!;
    printable += code < 127 && code >= 32 ? character : `<U+${code.toString(16).toUpperCase()}>`;
  }
  return printable;
}
