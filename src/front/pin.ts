/** `protocol:` of the config: agents are spoken to in one family only. */

import { isObject, member } from "../base/json.ts";
import { type Classified, problem, type RpcProblem } from "../protocol/era.ts";
import { metaKeys } from "../protocol/known-keys.ts";
import type { Era, Message } from "../protocol/message.ts";
import { legacyRevisions, modernRevisions } from "../protocol/versions.ts";

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

/**
 * What was refused for its version, with all that are spoken here. A version in its _meta makes a
 * message a modern one: it is told of those alone that `server/discover` names.
 */
export function withSpoken(pin: "auto" | Era, message: Message, refused: RpcProblem): RpcProblem {
  if (refused.code !== "GW_VERSION" || message.kind === "response") return refused;
  const meta = member(message.params, "_meta");
  if (isObject(meta) && member(meta, metaKeys.protocolVersion) !== undefined) return refused;
  return { ...refused, data: { ...refused.data, supported: spoken[pin] } };
}

const spoken = {
  auto: [...modernRevisions, ...legacyRevisions],
  modern: modernRevisions,
  legacy: legacyRevisions,
};
