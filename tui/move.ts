/** Moving in lists. A choice is an id: nothing that arrives or is sorted anew moves it. */

import { windowOf } from "./screen.ts";
import { type Env, pickedOf, type Ui, withPage } from "./ui.ts";

/** Moves the cursor, or the text of an open detail. */
export function move(ui: Ui, env: Env, step: number): Ui {
  const page = ui.pages[ui.screen];
  if (page.open !== undefined) {
    return withPage(ui, { scroll: Math.max(0, Math.min(10_000, page.scroll + step)) });
  }
  return pick(ui, env, (index) => index + step);
}

/** Half of the pane with the cursor. */
export function half(ui: Ui, env: Env, direction: 1 | -1): Ui {
  const { lists, pane } = pickedOf(ui, env);
  const rows = lists[pane]?.rows ?? ui.size.rows;
  return move(ui, env, direction * Math.max(1, Math.floor(rows / 2)));
}

/** The first row of all is "the newest": it is followed from then on. */
export function first(ui: Ui, env: Env): Ui {
  const page = ui.pages[ui.screen];
  if (page.open !== undefined) return withPage(ui, { scroll: 0 });
  return unpick(ui, env);
}

export function last(ui: Ui, env: Env): Ui {
  const page = ui.pages[ui.screen];
  if (page.open !== undefined) return withPage(ui, { scroll: 10_000 });
  return pick(ui, env, () => Number.MAX_SAFE_INTEGER);
}

/** Next or previous item; an open detail goes with it. */
export function item(ui: Ui, env: Env, step: 1 | -1): Ui {
  const open = ui.pages[ui.screen].open;
  const moved = pick(ui, env, (index) => index + step);
  if (open === undefined) return moved;
  const { id } = pickedOf(moved, env);
  return withPage(moved, { open: id ?? open, scroll: 0 });
}

/** The cursor on the row of an id, wherever it is; undefined when no list has it. */
export function pickId(ui: Ui, env: Env, id: string): Ui | undefined {
  const { lists } = pickedOf(ui, env);
  for (const [pane, { ids, rows }] of lists.entries()) {
    const at = ids.indexOf(id);
    if (at < 0) continue;
    const picked = [...ui.pages[ui.screen].picked];
    picked[pane] = { id, at, row: Math.min(at, Math.floor(rows / 2)) };
    return withPage(ui, { pane, picked, follow: false });
  }
  return undefined;
}

/** The first row, and whatever comes to stand there. */
export function unpick(ui: Ui, env: Env): Ui {
  const { pane } = pickedOf(ui, env);
  const picked = [...ui.pages[ui.screen].picked];
  picked[pane] = undefined;
  return withPage(ui, { pane, picked, follow: true });
}

export function nextPane(ui: Ui, env: Env, step: 1 | -1): Ui {
  const { lists, pane } = pickedOf(ui, env);
  for (let tries = 1; tries <= lists.length; tries++) {
    const to = (pane + step * tries + lists.length * tries) % lists.length;
    if ((lists[to]?.ids.length ?? 0) > 0) return withPage(ui, { pane: to });
  }
  return ui;
}

function pick(ui: Ui, env: Env, to: (index: number) => number): Ui {
  const { lists, pane, index } = pickedOf(ui, env);
  const list = lists[pane];
  if (list === undefined || list.ids.length === 0) return ui;
  const page = ui.pages[ui.screen];
  const at = Math.max(0, Math.min(list.ids.length - 1, to(index)));
  const { start } = windowOf(list, page.picked[pane]);
  const picked = [...page.picked];
  const row = Math.max(0, Math.min(list.rows - 1, at - start));
  picked[pane] = { id: list.ids[at] ?? "", at, row };
  return withPage(ui, { pane, picked, follow: false });
}
