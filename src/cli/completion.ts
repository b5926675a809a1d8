/** `authensor-gw completion`: scripts made from the table of commands. */

import { fault } from "../base/errors.ts";
import type { Command, Invocation } from "./command.ts";
import { commands } from "./commands.ts";

export async function run({ args, io }: Invocation): Promise<number> {
  const shell = args[0] ?? "";
  const script = Object.hasOwn(scripts, shell) ? scripts[shell] : undefined;
  if (script === undefined) {
    const message = `No completion for the shell "${shell}"`;
    throw fault("GW_USAGE", { message, fix: "one of bash, zsh, fish" });
  }
  io.out(script(commands.filter((command) => command.hidden !== true)));
  return 0;
}

const scripts: Readonly<Record<string, (shown: readonly Command[]) => string>> = {
  bash,
  zsh,
  fish,
};

/** Words after what is already typed: `""` → first words, `keys` → second words or options. */
function choices(shown: readonly Command[]): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  const add = (typed: string, word: string) =>
    found.set(typed, (found.get(typed) ?? new Set()).add(word));
  for (const { name, options } of shown) {
    const [first = "", second] = name.split(" ");
    add("", first);
    if (second !== undefined) add(first, second);
    for (const option of options) add(name, `--${option.name}`);
  }
  return found;
}

function bash(shown: readonly Command[]): string {
  const cases = [...choices(shown)].map(
    ([typed, words]) => `    "${typed}") words="${[...words].join(" ")}" ;;`,
  );
  return `_authensor_gw() {
  local current="\${COMP_WORDS[COMP_CWORD]}" typed="" word words=""
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) ;; *) typed="\${typed:+$typed }$word" ;; esac
  done
  case "$typed" in
${cases.join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  [ \${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- "$current"))
}
complete -F _authensor_gw authensor-gw`;
}

function zsh(shown: readonly Command[]): string {
  return `#compdef authensor-gw\nautoload -U +X bashcompinit && bashcompinit\n${bash(shown)}`;
}

function fish(shown: readonly Command[]): string {
  const lines = ["complete -c authensor-gw -f"];
  for (const [typed, words] of choices(shown)) {
    const seen = typed.split(" ").filter((word) => word !== "");
    const condition =
      seen.length === 0
        ? "__fish_use_subcommand"
        : seen.map((word) => `__fish_seen_subcommand_from ${word}`).join("; and ");
    lines.push(`complete -c authensor-gw -n "${condition}" -a "${[...words].join(" ")}"`);
  }
  return lines.join("\n");
}
