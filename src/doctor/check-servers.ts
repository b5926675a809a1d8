/** The third link: each server in stages, against the last time it was seen to work. */

import { limits } from "../base/limits.ts";
import { nearest } from "../base/nearest.ts";
import type { ServerConfig } from "../gateway/config-model.ts";
import { checkInside } from "./check-inside.ts";
import { type Finding, finding } from "./finding.ts";
import { checkHttpServer } from "./server-http.ts";
import { checkStdioServer } from "./server-stdio.ts";
import { thenReload } from "./stale.ts";
import { clockText, sinceText } from "./times.ts";
import type { Check, World } from "./world.ts";

/** A check for each server: one that hangs does not hide what is wrong with the others. */
export function serverChecks(world: World): readonly Check[] {
  const { config } = world;
  if (config === undefined) return [];
  const named = world.server;
  const chosen = config.servers.filter(({ id }) => named === undefined || id === named);
  if (named !== undefined && chosen.length === 0) {
    const unknown = unknownServer(
      named,
      config.servers.map(({ id }) => id),
      config.file,
    );
    return [{ name: `server ${named}`, run: async () => [unknown] }];
  }
  return chosen.map((server) => ({
    name: `server ${server.id}`,
    run: (ours) => checkServer(ours, server),
  }));
}

function unknownServer(id: string, known: readonly string[], file: string): Finding {
  const like = nearest(id, known);
  const list = known.length === 0 ? "none" : known.join(", ");
  return finding({
    link: "server",
    code: "GW_NAME",
    saw: `there is no server "${id}" in ${file}`,
    cause: `its servers are: ${list}`,
    effect: "its tools are not offered",
    fix: like === undefined ? `add it under \`servers\` in ${file}` : `did you mean ${like}?`,
  });
}

async function checkServer(world: World, server: ServerConfig): Promise<readonly Finding[]> {
  if (!server.enabled) {
    world.note(`server ${server.id} is disabled in the config`);
    return [];
  }
  if (isOff(world, server)) {
    const enable = world.command(`servers enable ${server.id}`);
    world.note(`server ${server.id} was disabled by an operator; ${enable} brings it back`);
    return [];
  }
  const found =
    server.transport.kind === "http"
      ? await checkHttpServer(world, server, server.transport)
      : await checkStdioServer(world, server, server.transport);
  const seen = [stale, heldBack, hidden, floods, full, checkInside].flatMap((check) =>
    check(world, server),
  );
  return [...found, ...seen];
}

function isOff({ gateway }: World, { id }: ServerConfig): boolean {
  if (gateway.kind !== "up") return false;
  return gateway.status.servers.find((one) => one.id === id)?.state === "disabled";
}

/** Agents see what it listed before: younger than `freshness` that is as it should be. */
function stale(world: World, { id, lists }: ServerConfig): Finding[] {
  const live = world.gateway.kind === "up" ? world.gateway.live : undefined;
  const row = live?.servers.find((one) => one.id === id);
  const list = row?.list ?? null;
  if (list === null || list.stale === null) return [];
  if (world.nowMs - list.readMs < lists.freshnessMs) return [];
  const leaves =
    list.leavesMs === null ? "" : `; they leave ${clockText(list.leavesMs, world.nowMs)}`;
  return [
    finding({
      link: "server",
      severity: "warning",
      code: "GW_LIST_STALE",
      saw: `what agents see of "${id}" may be out of date`,
      since: sinceText(list.readMs, world.nowMs),
      cause: list.stale,
      effect: `new tools of it are not seen, and removed ones still are${leaves}`,
      fix: row?.trouble?.fix ?? world.command(`servers retry ${id}`),
    }),
  ];
}

/** Text that a model follows and a person who approves the tool does not see (T2, P14). */
function hidden(world: World, { id }: ServerConfig): Finding[] {
  const live = world.gateway.kind === "up" ? world.gateway.live : undefined;
  const { characters, items } = live?.servers.find((one) => one.id === id)?.hidden ?? noneHidden;
  if (characters === 0) return [];
  return [
    finding({
      link: "server",
      severity: "warning",
      code: "GW_SERVER_HIDDEN",
      saw: `${characters} characters that nobody sees, in what "${id}" offers: ${items.join(", ")}`,
      cause: "control, bidi, zero-width or tag characters in its names, descriptions or schemas",
      effect: "models read what people do not; agents get it as the server wrote it",
      fix: "ask who makes the server what they are for; deny these in the policy until then",
    }),
  ];
}

/** U18, R12: as long as it was not long ago. */
function floods(world: World, { id }: ServerConfig): Finding[] {
  const live = world.gateway.kind === "up" ? world.gateway.live : undefined;
  const { count = 0, lastMs = null } = live?.servers.find((one) => one.id === id)?.dropped ?? {};
  if (lastMs === null || world.nowMs - lastMs > limits.floodShownMs) return [];
  return [
    finding({
      link: "server",
      severity: "warning",
      code: "GW_SERVER_FLOODS",
      saw: `"${id}" told or asked ${count} times more than is read (${limits.notesPerSecond}/s)`,
      since: `the last ${sinceText(lastMs, world.nowMs)}`,
      cause: "it sends notifications or requests without end beside its answers",
      effect: "they are dropped; that a list or resource changed is told once a second",
    }),
  ];
}

const noneHidden = { characters: 0, items: [] };

/** What breaks MCP's rules, or has another server's name, is not offered. */
function heldBack(world: World, { id }: ServerConfig): Finding[] {
  const live = world.gateway.kind === "up" ? world.gateway.live : undefined;
  const row = live?.servers.find((one) => one.id === id);
  const cause = (row?.heldBackWhy ?? []).join("; ");
  const held = (count: number, what: string, cure: string, list: string) =>
    finding({
      link: "server",
      severity: "warning",
      code: "GW_SERVER_SCHEMA",
      saw: `${count} of the ${what} of "${id}" are held back`,
      ...(cause === "" ? {} : { cause }),
      effect: "agents do not see them",
      fix: `${cure}; all of them: ${world.command(list)}`,
    });
  const tools = row?.quarantined ?? 0;
  const items = row?.items.heldBack ?? 0;
  return [
    ...(tools === 0 ? [] : [held(tools, "tools", correct, "tools list")]),
    ...(items === 0 ? [] : [held(items, "prompts and resources", choose, "tools list --kind all")]),
  ];
}

const correct = "correct them in the server";
/** Two servers may well have one URI: the first in the config keeps it. */
const choose = `${correct}, or put the server that is to keep them first in the config`;

function full(world: World, { id, maxInFlight, maxQueued }: ServerConfig): Finding[] {
  const live = world.gateway.kind === "up" ? world.gateway.live : undefined;
  const { busy, queued } = live?.servers.find((one) => one.id === id) ?? { busy: 0, queued: 0 };
  if (busy < maxInFlight) return [];
  return [
    finding({
      link: "server",
      severity: "warning",
      code: "GW_UPSTREAM_BUSY",
      saw: `"${id}" has ${busy} calls in flight, of ${maxInFlight} it may have; ${queued} wait`,
      cause: "it answers slower than calls come",
      effect:
        queued < maxQueued
          ? `further calls wait for their turn, up to servers.${id}.max_queued (${maxQueued})`
          : "further calls are refused at once",
      fix: `make the server faster; or raise servers.${id}.max_in_flight${thenReload(world)}`,
    }),
  ];
}
