/** The command line `:`: what a key does by its name, and a few commands with words after them. */

import { parseFilter } from "../src/base/filter.ts";
import { nearest } from "../src/base/nearest.ts";
import { printable } from "../src/base/printable.ts";
import { runCommand, serverDeed } from "./commands.ts";
import { keymap } from "./keys.ts";
import { pickId } from "./move.ts";
import { type Env, type Outcome, pickedOf, screenOf, type Ui, withPage, withToast } from "./ui.ts";

interface LineCommand {
  readonly name: string;
  readonly usage: string;
  readonly help: string;
  run(words: readonly string[], ui: Ui, env: Env): Outcome;
}

export const lineCommands: readonly LineCommand[] = [
  {
    name: "why",
    usage: "why SERVER/TOOL as KEY",
    help: "why a key sees a tool or does not",
    run([tool = "", as = "", key = ""]) {
      if (!tool.includes("/") || as !== "as" || key === "") {
        return { refused: "write: why SERVER/TOOL as KEY" };
      }
      return { effects: [{ run: "why", tool, key }] };
    },
  },
  {
    name: "goto",
    usage: "goto ID",
    help: "the call, server or tool with this id, or the call of a receipt",
    run: ([id = ""], ui, env) => goTo(id, ui, env),
  },
  {
    name: "server",
    usage: "server NAME retry|restart|disable|enable",
    help: "what r, R and D do",
    run([id = "", verb = ""], _ui, env) {
      if (verb === "retry" || verb === "restart" || verb === "disable" || verb === "enable") {
        return serverDeed(env, id, verb);
      }
      return { refused: "write: server NAME retry|restart|disable|enable" };
    },
  },
  {
    name: "filter",
    usage: "filter WORDS",
    help: "what / does; without words the filter goes",
    run(words, ui, env) {
      const filter = words.join(" ");
      const parsed = parseFilter(filter, screenOf(ui, env).fields);
      if (!parsed.ok) return { refused: parsed.error.message };
      return { ui: withPage(ui, { filter, picked: [], follow: true }) };
    },
  },
  {
    name: "export",
    usage: "export json [FILE]",
    help: "the rows of the list, a line of JSON each, into a new file",
    run: ([form = "", ...file], ui, env) => exportRows(form, file.join(" "), ui, env),
  },
  {
    name: "set",
    usage: "set refresh=250ms|1s|2s, set theme=auto|mono",
    help: "how often the picture changes, and its colours",
    run: ([pair = ""], ui, env) => set(pair, ui, env),
  },
  {
    name: "q",
    usage: "q",
    help: "leave",
    run: (_words, ui, env) => runCommand("leave", ui, env),
  },
];

/** One line without its colon. Refusals say what to write instead. */
export function runLine(line: string, ui: Ui, env: Env): Outcome {
  const row = keymap.find((one) => one.command === line);
  if (row !== undefined && line !== "filter") return runCommand(row.command, ui, env, row.keys[0]);
  const [name = "", ...words] = line.split(" ").filter((word) => word !== "");
  const found = lineCommands.find((one) => one.name === name);
  if (found !== undefined) return found.run(words, ui, env);
  const like = nearest(line, names()) ?? nearest(name, names());
  const shown = printable(name);
  if (like === undefined) return { refused: `there is no command "${shown}"; ? lists them` };
  return { refused: `there is no command "${shown}"; did you mean ${like}?` };
}

/** The line with its last word completed; undefined when nothing fits. */
export function suggest(text: string, env: Env): string | undefined {
  const space = text.lastIndexOf(" ");
  const word = text.slice(space + 1);
  const from =
    space < 0 ? names() : [...env.live.servers.map((one) => one.id), ...verbs, ...toolsOf(env)];
  const fits = [...new Set(from)].filter((one) => one.startsWith(word) && one !== word);
  if (fits.length === 0) return undefined;
  return text.slice(0, space + 1) + common(fits) + (fits.length === 1 ? " " : "");
}

const verbs = ["retry", "restart", "disable", "enable", "as"];

function toolsOf(env: Env): readonly string[] {
  const { tools } = env.live.answers;
  return tools?.state === "here" ? tools.value.map((one) => one.tool) : [];
}

/** What all of them begin with. */
function common([first = "", ...rest]: readonly string[]): string {
  let end = first.length;
  for (const one of rest) {
    while (!one.startsWith(first.slice(0, end))) end--;
  }
  return first.slice(0, end);
}

function names(): readonly string[] {
  return [...keymap.map((one) => one.command), ...lineCommands.map((one) => one.name)];
}

function goTo(id: string, ui: Ui, env: Env): Outcome {
  const { running, recent, servers } = env.live;
  const call = [...running, ...recent].find((one) => one.id === id || one.receipt === id);
  const screen = call !== undefined ? "calls" : id.includes("/") ? "tools" : "servers";
  const known = call !== undefined || id.includes("/") || servers.some((one) => one.id === id);
  if (!known) return { refused: `nothing here has the id "${printable(id)}"` };
  const there = runCommand(screen, ui, env);
  if (!("ui" in there) || there.ui === undefined) return there;
  const clear = withPage(there.ui, { filter: "", open: undefined, hidden: false });
  const picked = pickId(clear, env, call?.id ?? id);
  if (picked === undefined) return { refused: `"${printable(id)}" is no longer in the list` };
  return { ...there, ui: picked };
}

/** As the list has them now, filter and order included: what is left out of it is not exported. */
function exportRows(form: string, file: string, ui: Ui, env: Env): Outcome {
  if (form !== "json") return { refused: "write: export json [FILE]; other forms are not here" };
  const { lists, pane } = pickedOf(ui, env);
  const { running, recent, servers, gauges, answers } = env.live;
  const tools = answers.tools?.state === "here" ? answers.tools.value : [];
  const rows = new Map<string, unknown>();
  if (ui.screen === "calls") for (const call of [...recent, ...running]) rows.set(call.id, call);
  if (ui.screen === "servers") for (const server of servers) rows.set(server.id, server);
  if (ui.screen === "tools") for (const tool of tools) rows.set(tool.tool, tool);
  for (const gauge of ui.screen === "health" ? (gauges?.gauges ?? []) : []) {
    rows.set(gauge.name, gauge);
  }
  const shown = (lists[pane]?.ids ?? []).filter((id) => rows.has(id));
  if (shown.length === 0) return { refused: "export: the list is empty" };
  const text = shown.map((id) => `${JSON.stringify(rows.get(id))}\n`).join("");
  return { effects: [{ run: "export", file, screen: ui.screen, rows: shown.length, text }] };
}

function set(pair: string, ui: Ui, env: Env): Outcome {
  const [name = "", value = ""] = pair.split("=");
  const refresh = { "250ms": 250, "1s": 1_000, "2s": 2_000 }[value];
  if (name === "refresh" && refresh !== undefined) {
    return { ui: withToast({ ...ui, refreshMs: refresh }, `refresh ${value}`, "info", env) };
  }
  if (name === "theme" && (value === "auto" || value === "mono")) {
    return { ui: withToast({ ...ui, theme: value }, `theme ${value}`, "info", env) };
  }
  return { refused: "write: set refresh=250ms|1s|2s or set theme=auto|mono" };
}
