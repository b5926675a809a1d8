/** `protocol:` of the config: agents are spoken to in one family only. */

import { member } from "../base/json.ts";
import { type Classified, problem, type RpcProblem } from "../protocol/era.ts";
import type { Era, Message } from "../protocol/message.ts";
import { modernRevisions } from "../protocol/versions.ts";

/** Why this message is not for here. Says which versions are: an old client shows it to people. */
export function offEra(
  pin: "auto" | Era,
  message: Message,
  { era, protocol }: Classified,
): RpcProblem | undefined {
  if (pin === "auto" || pin === era) return undefined;
  if (pin === "legacy") {
    // Not the code of a modern server: a client that speaks both takes this for an old one.
    return problem("GW_ERA", `the protocol version ${protocol} is not spoken here`);
  }
  if (message.kind === "response") return problem("GW_MESSAGE", "nothing was asked");
  const asked = member(message.params, "protocolVersion");
  const requested = typeof asked === "string" ? asked.slice(0, 64) : (protocol ?? "2025-03-26");
  const supported = modernRevisions.join(", ");
  return problem("GW_VERSION", `only these protocol versions are spoken here: ${supported}`, {
    supported: modernRevisions,
    requested,
  });
}
