/** What a command is: a row of the table in commands.ts, and a file that does it. */

import type { Io } from "./print.ts";

export interface Command {
  /** One or two words: `keys create`. */
  readonly name: string;
  /** What comes after the name: `FILE… [--json]`. */
  readonly usage: string;
  /** One line, begins with a verb. */
  readonly summary: string;
  /** Further paragraphs of its help. */
  readonly help?: string;
  /** Command lines without the program's name. */
  readonly examples?: readonly string[];
  readonly options: readonly Option[];
  /** How many words it takes beside options. */
  readonly args: readonly [least: number, most: number];
  /** For the program itself: not in any help. */
  readonly hidden?: true;
  /** Loads only what this command needs, so that others start fast. */
  load(): Promise<Run>;
}

export interface Option {
  /** Without dashes. */
  readonly name: string;
  /** One letter, for `-f`. */
  readonly short?: string;
  /** Name of its value; undefined: a switch. */
  readonly value?: string;
  readonly doc: string;
}

/** Gives the exit code (docs/errors.md); throws GatewayErrors for everything that goes wrong. */
export type Run = (call: Invocation) => Promise<number>;

export interface Invocation {
  readonly args: readonly string[];
  readonly options: Options;
  readonly io: Io;
  /** Loads the terminal interface; given by main.ts, which alone knows it. */
  readonly tui?: () => Promise<OpenTui>;
}

/** tui/open.ts; resolves with the exit code when the reader has left. */
export type OpenTui = (opening: TuiOpening) => Promise<number>;

export interface TuiOpening {
  readonly place:
    | { readonly kind: "gateway"; readonly socket: string; readonly key: string | undefined }
    | { readonly kind: "demo" };
  /** Why nothing can be changed from there; undefined where it can. */
  readonly readOnly: string | undefined;
  readonly colour: boolean;
  readonly ascii: boolean;
  /** Between two pictures. */
  readonly refreshMs: number;
  /** Lines that only come, for screen readers. */
  readonly linear: boolean;
  /** The gateway that was started for it. `ended`: a sentence, when it has. */
  readonly own?: { readonly ended: Promise<string>; stop(): Promise<void> };
}

/** Values as they were written: a key named 007 stays 007. */
export interface Options {
  has(name: string): boolean;
  /** The last value of an option. */
  text(name: string): string | undefined;
  /** All values of an option that may come several times. */
  all(name: string): readonly string[];
}
