/** What every check may look at; made once, changed by none. */

import type { GatewayStatus, ListedKey, LiveSnapshot } from "../admin/contract.ts";
import type { Config } from "../gateway/config-model.ts";
import type { ConfigProblem } from "../gateway/config-problem.ts";
import type { HistoryEntry } from "../gateway/history.ts";
import type { Finding } from "./finding.ts";

export interface World {
  /** Undefined: it cannot be read at all. */
  readonly config: Config | undefined;
  /** As `check` finds them, with this process's environment. */
  readonly problems: readonly ConfigProblem[];
  readonly gateway: GatewayState;
  /** Of the last 24 hours, oldest first. */
  readonly history: readonly HistoryEntry[];
  readonly nowMs: number;
  /** What was over before this is not told. */
  readonly sinceMs: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  /**
   * What an agent would send; undefined: there is none. `named`: it was named for this, and does
   * not only lie in the environment, where it may be an operator's.
   */
  readonly agentKey:
    | { readonly token: string; readonly named: boolean; readonly from: string }
    | undefined;
  /** Name of a key whose view is asked for. */
  readonly key: string | undefined;
  /** Asked for once; oldest first, ended ones included. undefined: nobody can read them. */
  keys(): Promise<readonly ListedKey[] | undefined>;
  /** Only this server. */
  readonly server: string | undefined;
  /** `keys list` → `authensor-gw keys list --config FILE`, as it can be run here. */
  command(words: string): string;
  /** What could not be checked, and what is no fault; for people. */
  note(text: string): void;
}

export type GatewayState =
  | {
      readonly kind: "up";
      readonly status: GatewayStatus;
      /** Undefined: this gateway has none to give. */
      readonly live: LiveSnapshot | undefined;
      /** Another path of the admin API, within the same deadline. */
      get<T>(path: string): Promise<T>;
    }
  /** Nobody owns data_dir. */
  | { readonly kind: "down" }
  /** Somebody owns it and does not answer. */
  | { readonly kind: "silent"; readonly pid: number | undefined }
  /** It answers, and belongs to another config; or this user may not ask. */
  | { readonly kind: "closed"; readonly finding: Finding };

export interface Check {
  readonly name: string;
  run(world: World): Promise<readonly Finding[]>;
}
