/**
 * The interface for screen readers and for terminals that rewrite nothing: one sentence
 * for each event, a line of words for each wish, numbers instead of a cursor.
 */

import process from "node:process";
import { createInterface } from "node:readline";
import { printable } from "../src/base/printable.ts";
import { runCommand } from "./commands.ts";
import { perform } from "./effects.ts";
import { runLine } from "./line.ts";
import { createStore, type Live, type Source } from "./live.ts";
import { pickId } from "./move.ts";
import { callText, newsOf, serverText, statusText } from "./news.ts";
import { screens } from "./screens.ts";
import { type Effect, type Env, type Outcome, type Question, startUi, type Ui } from "./ui.ts";

export interface LinearOptions {
  readonly source: Source & { reconnect?(): void };
  readonly readOnly: string | undefined;
  readonly refreshMs: number;
  readonly own: { readonly ended: Promise<string>; stop(): Promise<void> } | undefined;
  /** A line on stdout; nothing written before changes. */
  say(text: string): void;
  /** What is typed; its end leaves. */
  lines(): AsyncIterable<string>;
}

/** On this terminal; resolves with the exit code. */
export function openLinear(options: Omit<LinearOptions, "say" | "lines">): Promise<number> {
  const say = (text: string) => void process.stdout.write(`${text}\n`);
  // Opened when it is read: lines that come before somebody does would be lost.
  const lines = () => createInterface({ input: process.stdin });
  return runLinear({ ...options, say, lines });
}

export async function runLinear(options: LinearOptions): Promise<number> {
  const { source, say, own } = options;
  const store = createStore(source.place, source.now ?? Date.now);
  let ui: Ui = startUi({ columns: 200, rows: 60 });
  let live: Live = store.picture();
  let told: Live | undefined;
  let asked: Question | undefined;
  /** Ids that the numbers of the last list stand for. */
  let numbered: readonly string[] = [];
  let [stopsGateway, over] = [false, false];
  let timer: ReturnType<typeof setTimeout> | undefined;
  const heard = Promise.withResolvers<void>();

  const env = (): Env => ({
    ...{ live, screens, readOnly: options.readOnly, ended: store.ended, url: "" },
    ...{ now: store.now(), clockMs: store.now(), ownsGateway: own !== undefined },
  });

  function tell(): void {
    timer = undefined;
    live = store.picture();
    for (const text of newsOf(told, live)) say(text);
    if (told?.gateway === undefined && live.gateway !== undefined) {
      say(statusText(live, store.now()));
      say("Type help and return for the commands.");
    }
    told = live;
    heard.resolve();
    const why = asked?.moot?.(live);
    if (why === undefined) return;
    asked = undefined;
    say(why);
  }

  function changed(): void {
    timer ??= setTimeout(tell, told?.gateway === undefined ? 0 : options.refreshMs);
  }

  const hands = {
    ...{ source, store, toast: (text: string) => say(printable(text)) },
    ...{ write: () => undefined, redraw: () => undefined, suspend: () => undefined },
    screenText: () => `${statusText(live, store.now())}\n`,
    leave(stop: boolean) {
      [stopsGateway, over] = [stop, true];
    },
  };

  async function run(effects: readonly Effect[]): Promise<void> {
    for (const effect of effects) await perform(effect, hands);
  }

  async function follow(outcome: Outcome): Promise<void> {
    if ("refused" in outcome) return say(`Not done: ${printable(outcome.refused)}`);
    if ("question" in outcome) {
      asked = outcome.question;
      const answers = asked.answers.map(({ key, label }) => `${key} for ${label}`).join(", ");
      return say(`${printable(asked.text)} Type ${answers}.`);
    }
    const toast = outcome.ui?.toast;
    if (toast !== undefined && toast !== ui.toast) say(printable(toast.text));
    ui = outcome.ui ?? ui;
    await run(outcome.effects ?? []);
  }

  async function answer(question: Question, key: string): Promise<void> {
    asked = undefined;
    const found = question.answers.find((one) => one.key === key);
    if (found?.effect === undefined) return say("Nothing was done.");
    await run([found.effect]);
  }

  function list(texts: readonly (readonly [id: string, text: string])[], none: string): void {
    numbered = texts.map(([id]) => id);
    if (texts.length === 0) say(none);
    for (const [at, [, text]] of texts.entries()) say(`${at + 1}. ${text}`);
  }

  async function obey(line: string): Promise<void> {
    const [name = "", first = "", ...rest] = line.split(/ +/);
    // A number stands for the row of the list that was said last.
    const id = numbered[Number(first) - 1] ?? first;
    const now = store.now();
    const { running, recent, servers, gauges } = live;
    if (name === "status") return say(statusText(live, now));
    if (name === "help") return helpLines.forEach(say);
    if (name === "calls") {
      const flying = running.filter(({ stage }) => stage !== "over");
      const rows = [...flying, ...recent.slice(0, 10)];
      return list(
        rows.map((call) => [call.id, callText(call, now)]),
        "No calls yet.",
      );
    }
    if (name === "servers") {
      const sick = servers.toSorted(
        (a, b) => Number(a.trouble === null) - Number(b.trouble === null),
      );
      return list(
        sick.map((server) => [server.id, serverText(server)]),
        "No servers.",
      );
    }
    if (name === "health") {
      for (const { name: what, ok, at_limit } of gauges?.gauges ?? []) {
        const state = ok ? "well" : `trouble, at its limit ${at_limit}`;
        say(printable(`${what.replaceAll("_", " ")}: ${state}.`));
      }
      return say(statusText(live, now));
    }
    if (name === "cancel" || name === "extend") {
      const picked = pickId({ ...ui, screen: "calls" }, env(), id);
      if (picked === undefined)
        return say(`Not done: no call in flight has the id "${printable(id)}".`);
      return await follow(runCommand(`calls ${name}`, picked, env()));
    }
    await follow(runLine([name, id, ...rest].join(" ").trim(), ui, env()));
  }

  const unwatch = source.watch({
    snapshot(snapshot) {
      store.snapshot(snapshot);
      changed();
    },
    batch(batch) {
      store.batch(batch);
      changed();
    },
    lost(why, attempt, retryMs) {
      store.lost(why, attempt, retryMs);
      changed();
    },
  });
  void own?.ended.then((why) => say(printable(why)));
  try {
    // What was typed before is of what is seen then.
    await heard.promise;
    for await (const raw of options.lines()) {
      const line = raw.trim().replace(/^:/, "");
      if (asked !== undefined) await answer(asked, line);
      else if (line !== "") await obey(line);
      if (over) break;
    }
  } finally {
    unwatch();
    clearTimeout(timer);
  }
  if (stopsGateway) await own?.stop();
  return 0;
}

const helpLines: readonly string[] = [
  "status: one sentence on the gateway.",
  "calls: calls in flight, then the last ten that ended, numbered.",
  "servers: the sickest first, with cause and what to do, numbered.",
  "health: what can run out.",
  "cancel NUMBER, extend NUMBER: of the calls that were listed; asks first.",
  "server NAME retry, restart, disable or enable; NAME or its number.",
  "why SERVER/TOOL as KEY: why a key sees a tool or does not.",
  "q: leave.",
];
