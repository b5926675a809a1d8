/** The scripted demo, drawn without a terminal: what goldens, hostile text and pictures share. */

import type { LiveSnapshot } from "../../src/admin/contract.ts";
import { createScript } from "../../tui/demo-script.ts";
import { demoKeys, demoTools } from "../../tui/demo-tools.ts";
import { createStore, type Store } from "../../tui/live.ts";
import { reduce } from "../../tui/reduce.ts";
import type { Size } from "../../tui/screen.ts";
import { screens } from "../../tui/screens.ts";
import { type Env, startUi, type Ui } from "../../tui/ui.ts";

/** A store that knows of the demo what a terminal would, `at` ms after it opened. */
export function demoStore(at: number, key = "claude-code"): Store {
  const script = createScript();
  const snapshot = script.snapshot();
  let clock = snapshot.now;
  const store = createStore("demo", () => clock);
  store.snapshot(snapshot);
  for (let to = Math.min(1_000, at); to > 0 && to <= at; to += 1_000) {
    const batch = script.advance(to);
    clock = batch.now;
    store.batch(batch);
  }
  answerTools(store, key);
  return store;
}

/** Knows this snapshot and nothing else; its clock stands. */
export function storeOf(snapshot: LiveSnapshot): Store {
  const store = createStore("demo", () => snapshot.now);
  store.snapshot(snapshot);
  return store;
}

export function answerTools(store: Store, key: string): void {
  store.answer({
    toolsFor: key,
    tools: { state: "here", value: demoTools(key) },
    keys: { state: "here", value: demoKeys(store.now()) },
  });
}

export function envOf(store: Store, more: Partial<Env> = {}): Env {
  return {
    ...{ live: store.picture(), now: store.now(), screens, readOnly: undefined },
    ...{
      clockMs: store.now(),
      ended: store.ended,
      ownsGateway: false,
      url: "http://localhost:3100/mcp",
    },
    ...more,
  };
}

/** What is on the screen after these keys; a key's name, or `type:` and text. */
export function press(size: Size, keys: readonly string[], env: Env): Ui {
  let ui = startUi(size);
  for (const key of keys) {
    const typed = key.startsWith("type:") ? [...key.slice(5)] : [key];
    for (const one of typed) ui = reduce(ui, { kind: "key", key: one, alone: true }, env).ui;
  }
  return ui;
}
