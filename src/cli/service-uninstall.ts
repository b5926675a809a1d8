/** `authensor-gw service uninstall`: stops it and removes the unit; config and receipts stay. */

import { existsSync, rmSync } from "node:fs";
import { fault } from "../base/errors.ts";
import type { Invocation } from "./command.ts";
import { needRoot } from "./service-install.ts";
import { stateFolder } from "./service-text.ts";
import { unitFile, unitName } from "./service-unit.ts";
import { systemctl } from "./systemctl.ts";

export async function run(call: Invocation): Promise<number> {
  const { io, options } = call;
  const user = options.has("user");
  if (!user) needRoot("uninstall");
  const file = unitFile(user, io.env);
  if (!existsSync(file)) {
    const message = `There is no "${file}"`;
    const fix = `\`authensor-gw service status${user ? "" : " --user"}\` shows the other kind`;
    throw fault("GW_SERVICE", { message, fix });
  }
  const control = systemctl(call, user);
  // Calls in flight end first; then the unit is nobody's.
  await control("disable", "--now", unitName);
  rmSync(file);
  await control("daemon-reload");
  io.out(`removed ${file}`);
  if (!user) io.out(`kept ${stateFolder} (receipts, keys) and /etc/authensor-gw`);
  return 0;
}
