/** What each command of the keymap does. Keys and the command line both come here. */

import type { LiveCall } from "../src/admin/contract.ts";
import { fieldOf } from "./field.ts";
import { keymap } from "./keys.ts";
import { first, half, item, last, move, nextPane, pickId, unpick } from "./move.ts";
import type { ScreenId } from "./screen.ts";
import {
  type Action,
  bodySize,
  type Env,
  type Outcome,
  pickedOf,
  sceneOf,
  screenOf,
  type Ui,
  withPage,
  withToast,
} from "./ui.ts";
import { callOf } from "./view/calls.ts";

/** What an extension adds. */
const extendMs = 30_000;
/** A second ctrl-c within this time leaves. */
const interruptMs = 2_000;

type Doing = (ui: Ui, env: Env, key: string) => Outcome;

/** Throws for a name the keymap does not have. */
export function runCommand(name: string, ui: Ui, env: Env, key = ""): Outcome {
  const doing = doings[name];
  if (doing === undefined) throw new Error(`the keymap names a command "${name}" nobody does`);
  const row = keymap.find((one) => one.command === name);
  if (env.live.link.state === "lost" && name === "servers retry") return reconnect;
  if (row?.role !== undefined && env.readOnly !== undefined) {
    return { refused: `${name}: ${env.readOnly}` };
  }
  return doing(ui, env, key);
}

/** What `r` is while there is no gateway, on every screen. */
const reconnect: Outcome = { effects: [{ run: "reconnect" }] };

/** Names a test holds against the keymap. */
export const commandNames = (): readonly string[] => Object.keys(doings);

const doings: Readonly<Record<string, Doing>> = {
  open: (ui, env) => open(ui, env),
  back: (ui) => back(ui),
  down: (ui, env) => ({ ui: move(ui, env, 1) }),
  up: (ui, env) => ({ ui: move(ui, env, -1) }),
  first: (ui, env) => ({ ui: first(ui, env) }),
  last: (ui, env) => ({ ui: last(ui, env) }),
  "half down": (ui, env) => ({ ui: half(ui, env, 1) }),
  "half up": (ui, env) => ({ ui: half(ui, env, -1) }),
  rightwards: (ui) => sideways(ui, 1),
  leftwards: (ui) => sideways(ui, -1),
  "next pane": (ui, env) => pane(ui, env, 1),
  "previous pane": (ui, env) => pane(ui, env, -1),
  "next match": (ui, env) => match(ui, env, 1),
  "previous match": (ui, env) => match(ui, env, -1),
  "next item": (ui, env) => ({ ui: item(ui, env, 1) }),
  "previous item": (ui, env) => ({ ui: item(ui, env, -1) }),
  calls: (ui, env) => toScreen(ui, env, "calls"),
  servers: (ui, env) => toScreen(ui, env, "servers"),
  tools: (ui, env) => toScreen(ui, env, "tools"),
  health: (ui, env) => toScreen(ui, env, "health"),
  later: (_ui, _env, key) => ({ refused: `${laterNames[key] ?? key} is not in this version` }),
  filter: (ui) => {
    const { filter } = ui.pages[ui.screen];
    const field = fieldOf(filter === "" ? "" : `${filter} `);
    return { ui: { ...ui, mode: { kind: "filter", field, before: filter, fault: "" } } };
  },
  follow: (ui, env) => follow(ui, env),
  pause: (ui, env) => ({
    ui: { ...ui, pausedAt: ui.pausedAt === undefined ? env.ended : undefined },
  }),
  order: (ui, env) => order(ui, env),
  reverse: (ui) => ({ ui: withPage(ui, { reverse: !ui.pages[ui.screen].reverse }) }),
  zoom: (ui) => ({ ui: withPage(ui, { zoom: !ui.pages[ui.screen].zoom }) }),
  hidden: (ui) => ({ ui: withPage(ui, { hidden: !ui.pages[ui.screen].hidden }) }),
  redraw: () => ({ effects: [{ run: "redraw" }] }),
  help: (ui) => ({ ui: { ...ui, mode: { kind: "help", scroll: 0 } } }),
  command: (ui) => ({
    ui: { ...ui, mode: { kind: "command", field: fieldOf(""), fault: "", back: 0 } },
  }),
  copy: (ui, env) => copy(ui, env),
  save: () => ({ effects: [{ run: "save" }] }),
  "calls cancel": (ui, env) => onCall(ui, env, cancel),
  "calls extend": (ui, env) => onCall(ui, env, extend),
  "its server": (ui, env) => itsServer(ui, env),
  "its tool": (ui, env) => itsTool(ui, env),
  "its calls": (ui, env) => itsCalls(ui, env),
  "servers retry": (ui, env) => onServer(ui, env, "retry"),
  "servers restart": (ui, env) => onServer(ui, env, "restart"),
  "servers disable": (ui, env) => onServer(ui, env, "disable"),
  "view as": (ui, env) => viewAs(env, ui),
  reconnect: (_ui, env) =>
    env.live.link.state === "lost" ? reconnect : { refused: "r: the gateway answers" },
  suspend: () => ({ effects: [{ run: "suspend" }] }),
  leave: (_ui, env) => leave(env),
  interrupt: (ui, env) => {
    if (env.clockMs - ui.interruptedMs < interruptMs) {
      return { effects: [{ run: "leave", stopGateway: false }] };
    }
    const said = withToast(ui, "ctrl-c again leaves, so does q", "info", env);
    return { ui: { ...said, mode: { kind: "keys" }, interruptedMs: env.clockMs } };
  },
};

const laterNames: Readonly<Record<string, string>> = {
  ...{ 4: "Holds", 5: "Clients", 7: "Logs", 8: "Policy" },
};

function open(ui: Ui, env: Env): Outcome {
  const screen = screenOf(ui, env);
  const { id } = pickedOf(ui, env);
  const page = ui.pages[ui.screen];
  if (id === undefined) return { refused: "open: there is no row" };
  if (screen.detail === undefined || page.open !== undefined) return {};
  return withReceipt(withPage(ui, { open: id, tab: 0, scroll: 0 }), env, id);
}

/** The records of the open call are asked for once; they are not in the stream. */
function withReceipt(ui: Ui, env: Env, id: string): Outcome {
  const receipt = ui.screen === "calls" ? callOf(env.live, id)?.receipt : undefined;
  if (receipt === undefined || receipt === null) return { ui };
  return { ui, effects: [{ run: "receipt", id: receipt }] };
}

/** Out of the detail, then out of zoom, then the filter goes. */
function back(ui: Ui): Outcome {
  const page = ui.pages[ui.screen];
  if (page.open !== undefined) return { ui: withPage(ui, { open: undefined, scroll: 0 }) };
  if (page.zoom) return { ui: withPage(ui, { zoom: false }) };
  if (page.filter !== "") return { ui: withPage(ui, { filter: "", sought: page.filter }) };
  return { ui: { ...ui, toast: undefined } };
}

/** To the next row that the filter lets through, also once it was taken away; then round. */
function match(ui: Ui, env: Env, step: 1 | -1): Outcome {
  const page = ui.pages[ui.screen];
  const filter = page.filter === "" ? page.sought : page.filter;
  if (filter === "") return { refused: "n next match: / filters first" };
  const { lists, pane, index } = pickedOf(ui, env);
  const ids = lists[pane]?.ids ?? [];
  const scene = { ...sceneOf(ui, env), page: { ...page, filter } };
  const matching = new Set(screenOf(ui, env).lists(scene, bodySize(ui.size))[pane]?.ids);
  for (let away = 1; away <= ids.length; away++) {
    const id = ids[(index + step * away + ids.length * 2) % ids.length];
    if (id === undefined || !matching.has(id)) continue;
    const picked = pickId(ui, env, id) ?? ui;
    return { ui: page.open === undefined ? picked : withPage(picked, { open: id, scroll: 0 }) };
  }
  return { refused: `no row here matches ${filter}` };
}

function sideways(ui: Ui, direction: 1 | -1): Outcome {
  const half = Math.max(1, Math.floor(ui.size.columns / 2));
  const to = ui.pages[ui.screen].sideways + direction * half;
  return { ui: withPage(ui, { sideways: Math.max(0, Math.min(10 * half, to)) }) };
}

function pane(ui: Ui, env: Env, step: 1 | -1): Outcome {
  const page = ui.pages[ui.screen];
  if (page.open === undefined) return { ui: nextPane(ui, env, step) };
  const tabs = screenOf(ui, env).tabs?.length ?? 1;
  return { ui: withPage(ui, { tab: (page.tab + step + tabs) % tabs, scroll: 0 }) };
}

function toScreen(ui: Ui, env: Env, screen: ScreenId): Outcome {
  if (!env.screens.some((one) => one.id === screen)) {
    return { refused: `${screen} is not in this version` };
  }
  const there: Ui = { ...ui, screen };
  const asks = screen === "tools" && env.live.answers.tools === undefined;
  const { toolsFor } = env.live.answers;
  return { ui: there, effects: asks ? [{ run: "tools", key: toolsFor }] : [] };
}

function follow(ui: Ui, env: Env): Outcome {
  const { follow: on } = ui.pages[ui.screen];
  if (!on) return { ui: unpick(ui, env) };
  // What is picked now stays picked.
  const { id } = pickedOf(ui, env);
  return { ui: (id === undefined ? undefined : pickId(ui, env, id)) ?? ui };
}

function order(ui: Ui, env: Env): Outcome {
  const { orders } = screenOf(ui, env);
  const to = (ui.pages[ui.screen].order + 1) % orders.length;
  const next = withPage(ui, { order: to });
  return { ui: withToast(next, `sorted by ${orders[to]}`, "info", env) };
}

function copy(ui: Ui, env: Env): Outcome {
  const id = ui.pages[ui.screen].open ?? pickedOf(ui, env).id;
  if (id === undefined) return { refused: "copy: there is no row" };
  return { ui: { ...ui, mode: { kind: "copy", id } } };
}

/** The call under the cursor, or the reason why nothing can be done with it. */
function onCall(ui: Ui, env: Env, doing: (call: LiveCall) => Outcome): Outcome {
  const id = ui.pages.calls.open ?? pickedOf(ui, env).id;
  const call = id === undefined ? undefined : callOf(env.live, id);
  if (call === undefined) return { refused: "there is no call" };
  return doing(call);
}

function cancel(call: LiveCall): Outcome {
  if (call.stage === "over") return { refused: "x cancel: this call already ended" };
  return asking(`Cancel ${call.tool} (${call.id} of ${call.key})?`, call, {
    action: { do: "cancel", call: call.id },
    done: `${call.id} ${call.tool}: cancelled`,
  });
}

function extend(call: LiveCall): Outcome {
  if (call.stage === "over") return { refused: "+ extend: this call already ended" };
  if (call.deadline === null) return { refused: "+ extend: this call has no deadline yet" };
  return asking(`Give ${call.tool} (${call.id} of ${call.key}) 30s more?`, call, {
    action: { do: "extend", call: call.id, ms: extendMs },
    done: `${call.id} ${call.tool}: 30s more`,
  });
}

interface Deed {
  readonly action: Action;
  readonly done: string;
}

function asking(text: string, call: LiveCall | undefined, deed: Deed): Outcome {
  return {
    question: {
      text,
      answers: [
        { key: "y", label: "yes", effect: { run: "act", ...deed } },
        { key: "n", label: "no", effect: undefined },
      ],
      ...(call === undefined
        ? {}
        : {
            moot: (live) => {
              const now = callOf(live, call.id);
              if (now !== undefined && now.stage !== "over") return undefined;
              return `${call.id} ${call.tool} ended meanwhile: ${now?.outcome ?? "unknown"}`;
            },
          }),
    },
  };
}

function onServer(ui: Ui, env: Env, verb: "retry" | "restart" | "disable"): Outcome {
  const id = ui.pages.servers.open ?? pickedOf(ui, env).id;
  if (id === undefined) return { refused: `${verb}: there is no server` };
  return serverDeed(env, id, verb);
}

/** Also of the command line: `:server NAME retry`. */
export function serverDeed(
  env: Env,
  id: string,
  verb: "retry" | "restart" | "disable" | "enable",
): Outcome {
  const server = env.live.servers.find((one) => one.id === id);
  if (server === undefined) return { refused: `there is no server "${id}"` };
  if (env.readOnly !== undefined) return { refused: `servers ${verb}: ${env.readOnly}` };
  const disabled = server.state === "disabled";
  if (verb === "retry" && server.state === "ready") {
    return { refused: `r retry: ${id} is ready; R restarts it` };
  }
  if (verb === "enable" && !disabled) return { refused: `enable: ${id} is not disabled` };
  if (disabled && (verb === "retry" || verb === "restart")) {
    return { refused: `${verb}: ${id} is disabled; D enables it` };
  }
  const real = verb === "disable" && disabled ? "enable" : verb;
  const running = env.live.running.filter((call) => call.server === id && call.stage !== "over");
  const cost = running.length === 0 || real === "retry" ? "" : `, ${running.length} in flight`;
  return asking(`${words[real]} ${id}${cost}?`, undefined, {
    action: { do: real, server: id },
    done: `${id}: ${real} was asked for`,
  });
}

const words = {
  ...{ retry: "Try to reach", restart: "Restart", disable: "Disable", enable: "Enable" },
} as const;

function itsServer(ui: Ui, env: Env): Outcome {
  return onCall(ui, env, (call) => {
    const there = toScreen(ui, env, "servers");
    if (!("ui" in there) || there.ui === undefined) return there;
    const picked = pickId(withPage(there.ui, { open: undefined, filter: "" }), env, call.server);
    return picked === undefined ? { refused: `no server offers ${call.tool}` } : { ui: picked };
  });
}

function itsTool(ui: Ui, env: Env): Outcome {
  return onCall(ui, env, (call) => {
    const there = toScreen(ui, env, "tools");
    if (!("ui" in there) || there.ui === undefined) return there;
    const clear = withPage(there.ui, { open: undefined, filter: "", hidden: false });
    return { ...there, ui: pickId(clear, env, call.tool) ?? clear };
  });
}

function itsCalls(ui: Ui, env: Env): Outcome {
  const { id } = pickedOf(ui, env);
  if (id === undefined) return { refused: "its calls: there is no row" };
  const field = ui.screen === "servers" ? "server" : "tool";
  const there = toScreen(ui, env, "calls");
  if (!("ui" in there) || there.ui === undefined) return there;
  return {
    ui: withPage(there.ui, { open: undefined, filter: `${field}:=${id}`, picked: [], pane: 1 }),
  };
}

/** The next key of the list; after the last one the gateway's own view. */
function viewAs(env: Env, ui: Ui): Outcome {
  const { keys, toolsFor } = env.live.answers;
  if (keys?.state !== "here") return { ui, effects: [{ run: "tools", key: "" }] };
  const names = ["", ...keys.value.filter((key) => key.state === "live").map((key) => key.name)];
  const next = names[(names.indexOf(toolsFor) + 1) % names.length] ?? "";
  return { ui, effects: [{ run: "tools", key: next }] };
}

function leave(env: Env): Outcome {
  if (!env.ownsGateway) return { effects: [{ run: "leave", stopGateway: false }] };
  const effect = (stopGateway: boolean) => ({ run: "leave", stopGateway }) as const;
  return {
    question: {
      text: "This started the gateway. Leave it running?",
      answers: [
        { key: "l", label: "leave it running", effect: effect(false) },
        { key: "s", label: "stop it", effect: effect(true) },
        { key: "n", label: "stay", effect: undefined },
      ],
    },
  };
}
