/** Options that several commands take. */

import type { Option } from "./command.ts";

export const config: Option = {
  name: "config",
  value: "FILE",
  doc: "config file instead of the found one",
};
export const json: Option = { name: "json", doc: "print JSON; lists as one object a line" };
export const keyFile: Option = {
  name: "key-file",
  value: "FILE",
  doc: "file with the key to use, mode 0600",
};
/** Where --key is the name of a key. */
export const asKey: Option = { name: "as", value: "NAME", doc: "the same as --key" };
export const filter: Option = {
  name: "filter",
  value: "TEXT",
  doc: "only these: 'tool:github/* outcome:denied took:>1s !key:ci-*'; docs/filter.md",
};
export const lines: Option = {
  name: "lines",
  value: "N",
  doc: "how many of the last ones come first; 10 if not named",
};
export const dir: Option = {
  name: "dir",
  value: "DIR",
  doc: "a copy of a data_dir instead of the config's",
};
export const toolArgs: Option = {
  name: "args",
  value: "JSON",
  doc: "its arguments, or @FILE that holds them, or @- for stdin; {} if not named",
};
/** Of commands that make a key. */
export const tokenTo: readonly Option[] = [
  {
    name: "out",
    value: "FILE",
    doc: "put the token into this file, mode 0600, and do not print it",
  },
  { name: "force", doc: "with --out: in the place of a file that is there" },
];
