/** `authensor-gw service status`: what systemd knows of the service; exit 0 runs, 1 does not. */

import { fault } from "../base/errors.ts";
import { printable } from "../base/printable.ts";
import type { Invocation } from "./command.ts";
import { unitFile, unitName } from "./service-unit.ts";
import { systemctl } from "./systemctl.ts";

const asked = [
  ...["LoadState", "ActiveState", "SubState", "StatusText", "MainPID", "NRestarts", "Result"],
  ...["ActiveEnterTimestamp", "UnitFileState", "ExecMainStatus", "FragmentPath"],
];

export async function run(call: Invocation): Promise<number> {
  const { io, options } = call;
  const user = options.has("user");
  const text = await systemctl(call, user)("show", unitName, ...asked.map((name) => `-p${name}`));
  const known = new Map(text.split("\n").map((line) => cut(line)));
  const of = (name: string) => printable(known.get(name) ?? "");
  if (of("LoadState") === "not-found") {
    throw fault("GW_SERVICE", {
      message: `systemd knows no ${unitName}`,
      cause: `there is no ${unitFile(user, io.env)}`,
      fix: `authensor-gw service install${user ? " --user" : ""}`,
    });
  }
  const active = of("ActiveState") === "active";
  const report = {
    active,
    state: of("ActiveState"),
    sub: of("SubState"),
    status: of("StatusText"),
    pid: Number(of("MainPID")) || null,
    since: of("ActiveEnterTimestamp") || null,
    restarts: Number(of("NRestarts")),
    at_boot: of("UnitFileState"),
    result: of("Result"),
    exit: Number(of("ExecMainStatus")),
    unit: of("FragmentPath"),
  };
  io.out(options.has("json") ? JSON.stringify(report) : reportText(report));
  return active ? 0 : 1;
}

function cut(line: string): readonly [string, string] {
  const at = line.indexOf("=");
  return [line.slice(0, Math.max(at, 0)), line.slice(at + 1)];
}

interface Report {
  readonly active: boolean;
  readonly state: string;
  readonly sub: string;
  readonly status: string;
  readonly pid: number | null;
  readonly since: string | null;
  readonly restarts: number;
  readonly at_boot: string;
  readonly result: string;
  readonly exit: number;
  readonly unit: string;
}

function reportText(report: Report): string {
  const { active, state, sub, status, pid, since, restarts, result, exit } = report;
  const end = result === "success" ? "" : `, ended with ${result} (exit ${exit})`;
  const lines = [
    `state    ${state} (${sub})${pid === null ? "" : `, pid ${pid}`}${end}`,
    ...(status === "" ? [] : [`says     ${status}`]),
    ...(since === null ? [] : [`since    ${since}`]),
    `restarts ${restarts}`,
    `at boot  ${report.at_boot}`,
    `unit     ${report.unit}`,
    ...(active ? [] : ["Try: authensor-gw logs --lines 20; authensor-gw doctor"]),
  ];
  return lines.join("\n");
}
