/** `authensor-gw reload`: config and policy anew in the running gateway, or what that would do. */

import { paths } from "../admin/contract.ts";
import type { ReloadReport } from "../admin/contract-reload.ts";
import { describe, type ErrorCode, GatewayError } from "../base/errors.ts";
import type { Invocation } from "./command.ts";
import { changeAtGateway } from "./context.ts";
import { needReach } from "./reach.ts";
import { reloadText } from "./reload-text.ts";

export async function run(call: Invocation): Promise<number> {
  const dryRun = call.options.has("dry-run");
  try {
    const report = await changeAtGateway(call, await needReach(call, false), (client) =>
      client.post<ReloadReport>(paths.reload, dryRun ? { dry_run: true } : {}),
    );
    call.io.out(call.options.has("json") ? JSON.stringify(report) : reloadText(report, Date.now()));
    return 0;
  } catch (thrown) {
    // The answer is no: nothing was to be changed, so nothing went wrong.
    if (!dryRun || !(thrown instanceof GatewayError) || !refusals.has(thrown.code)) throw thrown;
    const { code, message, why, fix } = thrown;
    if (call.options.has("json")) {
      call.io.out(JSON.stringify({ dryRun, refused: { code, message, cause: why, fix } }));
    } else if (thrown.data["shown"] !== true) call.io.err(describe(thrown));
    return 1;
  }
}

/** Codes of files that cannot be loaded. */
const refusals: ReadonlySet<ErrorCode> = new Set([
  ...(["GW_CONFIG", "GW_CONFIG_MISSING", "GW_VARIABLE", "GW_SECRET_MODE", "GW_LISTEN"] as const),
  ...(["GW_POLICY", "GW_HEADER"] as const),
]);
