/**
 * What each key makes of where the reader is. Outside React: several keys that arrive in one read
 * each see what the one before did, and a test needs no terminal.
 */

import { parseFilter } from "../src/base/filter.ts";
import { runCommand } from "./commands.ts";
import { copyChoices } from "./copy.ts";
import { edit, type Field, insert } from "./field.ts";
import { contexts, rowOf } from "./keys.ts";
import { runLine, suggest } from "./line.ts";
import {
  type Env,
  type Event,
  type Mode,
  type Next,
  type Outcome,
  sceneOf,
  screenOf,
  type Ui,
  withPage,
  withToast,
} from "./ui.ts";

/** An answer to a question counts only this long after it was put, and alone in its read. */
const answerAfterMs = 400;

export function reduce(ui: Ui, event: Event, env: Env): Next {
  switch (event.kind) {
    case "size":
      return still({ ...ui, size: event.size });
    case "toast":
      return still(withToast(ui, event.text, event.tone, env));
    case "data":
      return still(afterData(ui, env));
    case "paste":
      return pasted(ui, event.text, env);
    case "key":
      return pressed(ui, event.key, event.alone, env);
  }
}

function still(ui: Ui): Next {
  return { ui, effects: [] };
}

/** Toasts end; a question whose subject changed under it closes and says why. */
function afterData(ui: Ui, env: Env): Ui {
  const over = ui.toast !== undefined && ui.toast.untilMs <= env.clockMs;
  const next = over ? { ...ui, toast: undefined } : ui;
  if (next.mode.kind !== "ask") return next;
  const moot = next.mode.question.moot?.(env.live);
  if (moot === undefined) return next;
  return withToast({ ...next, mode: { kind: "keys" } }, moot, "warn", env);
}

/** Pasted text is never a key and never an answer. */
function pasted(ui: Ui, text: string, env: Env): Next {
  const { mode } = ui;
  if (mode.kind === "filter") return still(typedFilter(ui, insert(mode.field, text), env));
  if (mode.kind !== "command") return still(ui);
  return still({ ...ui, mode: { ...mode, field: insert(mode.field, text), fault: "" } });
}

function pressed(ui: Ui, key: string, alone: boolean, env: Env): Next {
  if (key === "ctrl-c") return fromOutcome(ui, runCommand("interrupt", ui, env), env);
  if (key === "ctrl-l") return { ui, effects: [{ run: "redraw" }] };
  switch (ui.mode.kind) {
    case "keys":
      return command(ui, key, env);
    case "filter":
      return inFilter(ui, ui.mode, key, env);
    case "command":
      return inCommand(ui, ui.mode, key, env);
    case "ask":
      return answered(ui, ui.mode, key, alone, env);
    case "copy":
      return copied(ui, ui.mode.id, key, env);
    case "help":
      return inHelp(ui, ui.mode.scroll, key);
  }
}

function command(ui: Ui, key: string, env: Env): Next {
  const page = ui.pages[ui.screen];
  const row = rowOf(key, contexts(ui.screen, page.open !== undefined));
  if (row === undefined) return still(ui);
  return fromOutcome(ui, runCommand(row.command, ui, env, key), env);
}

/** A refusal is a toast; a question waits for its answer. */
export function fromOutcome(ui: Ui, outcome: Outcome, env: Env): Next {
  if ("refused" in outcome) return still(withToast(ui, outcome.refused, "warn", env));
  if ("question" in outcome) {
    const mode: Mode = { kind: "ask", question: outcome.question, sinceMs: env.clockMs };
    return still({ ...ui, mode, toast: undefined });
  }
  return { ui: outcome.ui ?? ui, effects: outcome.effects ?? [] };
}

function answered(
  ui: Ui,
  mode: Mode & { kind: "ask" },
  key: string,
  alone: boolean,
  env: Env,
): Next {
  const back: Ui = { ...ui, mode: { kind: "keys" } };
  if (key === "escape") return still(withToast(back, "nothing was done", "dim", env));
  const answer = mode.question.answers.find((one) => one.key === key);
  if (answer === undefined) return still(ui);
  // Keys that were on their way before the question stood there are no answers to it.
  if (!alone || env.clockMs - mode.sinceMs < answerAfterMs) return still(ui);
  const { effect } = answer;
  if (effect === undefined) return still(withToast(back, "nothing was done", "dim", env));
  return { ui: back, effects: [effect] };
}

function inFilter(ui: Ui, mode: Mode & { kind: "filter" }, key: string, env: Env): Next {
  if (key === "return") {
    if (mode.fault !== "") return still(ui);
    return still({ ...ui, mode: { kind: "keys" } });
  }
  if (key === "escape") {
    return still(withPage({ ...ui, mode: { kind: "keys" } }, { filter: mode.before }));
  }
  const field = edit(mode.field, key);
  return still(field === undefined ? ui : typedFilter(ui, field, env));
}

/** A filter that is not understood leaves the old one in force and is named. */
function typedFilter(ui: Ui, field: Field, env: Env): Ui {
  if (ui.mode.kind !== "filter") return ui;
  const parsed = parseFilter(field.text, screenOf(ui, env).fields);
  if (!parsed.ok) {
    const rest = field.text.slice(parsed.error.at).split(" ")[0] ?? "";
    const fault = rest === "" ? parsed.error.message : `${rest}: ${parsed.error.message}`;
    return { ...ui, mode: { ...ui.mode, field, fault } };
  }
  const typed: Ui = { ...ui, mode: { ...ui.mode, field, fault: "" } };
  return withPage(typed, { filter: field.text.trim(), picked: [], follow: true });
}

function inCommand(ui: Ui, mode: Mode & { kind: "command" }, key: string, env: Env): Next {
  const leave: Ui = { ...ui, mode: { kind: "keys" } };
  const put = (text: string, back = mode.back): Next =>
    still({ ...ui, mode: { ...mode, field: { text, at: text.length }, fault: "", back } });
  if (key === "escape") return still(leave);
  if (key === "tab") return put(suggest(mode.field.text, env) ?? mode.field.text);
  if (key === "up" || key === "down") {
    const back = Math.max(0, Math.min(ui.history.length, mode.back + (key === "up" ? 1 : -1)));
    return put(ui.history[ui.history.length - back] ?? "", back);
  }
  if (key !== "return") {
    const field = edit(mode.field, key);
    // Backspace in an empty line leaves it, as everywhere.
    if (key === "backspace" && mode.field.text === "") return still(leave);
    return still(field === undefined ? ui : { ...ui, mode: { ...mode, field, fault: "" } });
  }
  const line = mode.field.text.trim();
  if (line === "") return still(leave);
  const outcome = runLine(line, leave, env);
  if ("refused" in outcome) return still({ ...ui, mode: { ...mode, fault: outcome.refused } });
  const history = [...ui.history.filter((one) => one !== line), line].slice(-50);
  const next = fromOutcome(leave, outcome, env);
  return { ...next, ui: { ...next.ui, history } };
}

function copied(ui: Ui, id: string, key: string, env: Env): Next {
  const back: Ui = { ...ui, mode: { kind: "keys" } };
  if (key === "escape" || key === "q" || key === "y") return still(back);
  const choice = copyChoices(sceneOf(ui, env), ui.screen, id, env.url).find(
    (one) => one.key === key,
  );
  if (choice === undefined) return still(ui);
  return { ui: back, effects: [{ run: "copy", label: choice.label, text: choice.text }] };
}

function inHelp(ui: Ui, scroll: number, key: string): Next {
  if (["escape", "?", "q", "return"].includes(key)) return still({ ...ui, mode: { kind: "keys" } });
  const steps: Readonly<Record<string, number>> = {
    ...{ j: 1, down: 1, k: -1, up: -1, "ctrl-d": 10, pagedown: 10, "ctrl-u": -10, pageup: -10 },
    ...{ g: -1_000, home: -1_000, G: 1_000, end: 1_000 },
  };
  const to = Math.max(0, Math.min(100, scroll + (steps[key] ?? 0)));
  return still({ ...ui, mode: { kind: "help", scroll: to } });
}
