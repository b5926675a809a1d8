/** What a reload does to live things, in words. */

import type { ReloadedServer, ReloadReport } from "../admin/contract-reload.ts";
import { printable } from "../base/printable.ts";
import { counted, span } from "./words.ts";

/** One line for each kind of change, then the policy in force. */
export function reloadText(report: ReloadReport, nowMs: number): string {
  const { dryRun, changed, servers, settings, restart, policy } = report;
  const lines: string[] = [];
  if (!changed) lines.push("Nothing that is in force changes.");
  if (servers.length > 0) lines.push(`${servers.map((one) => serverText(one)).join(", ")}.`);
  const keys = toolsText(report);
  if (keys !== "") lines.push(`${keys}.`);
  if (settings.length > 0) lines.push(`In force at once: ${settings.join(", ")}.`);
  if (restart.length > 0) lines.push(`Needs a restart of the gateway: ${restart.join(", ")}.`);
  const rules = `${counted(policy.rules, "rule")}, ${policy.hash.slice(0, 12)}`;
  lines.push(`Policy in force${dryRun ? " then" : ""}: ${rules}.`);
  const upper = lines.map((line) => line.charAt(0).toUpperCase() + line.slice(1));
  return [...upper, ...servers.flatMap((server) => notUpLines(server, nowMs))].join("\n");
}

/** What was started and is not up; the change is in force all the same. */
function notUpLines({ id, notUp }: ReloadedServer, nowMs: number): readonly string[] {
  if (notUp === undefined) return [];
  const { state, cause, fix, untilMs } = notUp;
  const why = cause === null ? `: authensor-gw servers show ${id}` : `: ${printable(cause)}`;
  const stands =
    untilMs === null
      ? ""
      : `\n  Calls go to the one from before until it is up, for ${span(untilMs - nowMs)} at most.`;
  const mend = fix === null ? "" : `\n  Try: ${printable(fix)}`;
  const how = state === "disabled" ? "is disabled" : `is not up yet (${state})`;
  return [`${id} ${how}${why}${stands}${mend}`];
}

const verbs: Readonly<Record<ReloadedServer["action"], string>> = {
  add: "adds",
  remove: "removes",
  update: "updates",
  restart: "restarts",
  replace: "replaces",
  enable: "enables",
  disable: "disables",
};

function serverText({ id, action, keys, inFlight, disabled, notUp }: ReloadedServer): string {
  const facts: string[] = [];
  const comes = action === "add" || action === "enable";
  if (disabled === true && action !== "disable") facts.push("disabled in the config");
  else if (comes && notUp === undefined) facts.push("its tools are known when it is up");
  if (action === "remove" || action === "disable" || action === "restart" || action === "replace") {
    facts.push(`${inFlight} in flight`);
  }
  if (keys.length > 0) facts.push(keys.join(", "));
  return `${verbs[action]} ${id}${facts.length === 0 ? "" : ` (${facts.join("; ")})`}`;
}

function toolsText({ tools }: ReloadReport): string {
  const { appear, appearFor, go, goFor, ofKeys, keys } = tools;
  const least = ofKeys < keys ? "at least " : "";
  const parts: string[] = [];
  if (appear > 0) {
    const verb = appear === 1 ? "appears" : "appear";
    parts.push(`${counted(appear, "tool")} ${verb} for ${least}${counted(appearFor, "key")}`);
  }
  if (go > 0) {
    const verb = go === 1 ? "goes" : "go";
    parts.push(`${counted(go, "tool")} ${verb} for ${least}${counted(goFor, "key")}`);
  }
  return parts.join(", ");
}
