/** Ink's keys as the names of the keymap. Several characters of one read are several keys. */

/** The part of Ink's Key that is used. */
export interface InkKey {
  readonly upArrow: boolean;
  readonly downArrow: boolean;
  readonly leftArrow: boolean;
  readonly rightArrow: boolean;
  readonly pageDown: boolean;
  readonly pageUp: boolean;
  readonly home: boolean;
  readonly end: boolean;
  readonly return: boolean;
  readonly escape: boolean;
  readonly ctrl: boolean;
  readonly shift: boolean;
  readonly tab: boolean;
  readonly backspace: boolean;
  readonly delete: boolean;
  readonly meta: boolean;
}

export interface KeyEvent {
  readonly key: string;
  /** Nothing else came in the same read: only such a key answers a question. */
  readonly alone: boolean;
}

export function keyEvents(input: string, key: InkKey): readonly KeyEvent[] {
  const name = nameOf(key);
  if (name !== undefined) return [{ key: name, alone: true }];
  if (key.ctrl) return input === "" ? [] : [{ key: `ctrl-${input}`, alone: true }];
  // Alt is Esc on slow lines: nothing is bound to it.
  if (key.meta) return [];
  const characters = [...input];
  return characters.map((one) => ({ key: controls[one] ?? one, alone: characters.length === 1 }));
}

/** What a bunch of keys in one read still holds raw. */
const controls: Readonly<Record<string, string>> = { "\r": "return", "\n": "return", "\t": "tab" };

function nameOf(key: InkKey): string | undefined {
  if (key.upArrow) return "up";
  if (key.downArrow) return "down";
  if (key.leftArrow) return "left";
  if (key.rightArrow) return "right";
  if (key.pageDown) return "pagedown";
  if (key.pageUp) return "pageup";
  if (key.home) return "home";
  if (key.end) return "end";
  if (key.return) return "return";
  if (key.escape) return "escape";
  if (key.tab) return key.shift ? "shift-tab" : "tab";
  if (key.backspace) return "backspace";
  if (key.delete) return "delete";
  return undefined;
}
