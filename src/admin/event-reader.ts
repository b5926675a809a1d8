/** Reads the event stream of our own gateway: one `data:` line an event (events.ts writes it). */

import type { LiveEvent } from "./contract.ts";

/** Takes the text as it comes, in any pieces. Throws where it is no stream of ours. */
export function createEventReader(onEvent: (event: LiveEvent) => void): (text: string) => void {
  let rest = "";
  return (text) => {
    // The end of an event may be cut in two; what was looked through before is not again.
    const from = Math.max(0, rest.length - 1);
    rest += text;
    let end = rest.indexOf("\n\n", from);
    while (end !== -1) {
      const event = eventOf(rest.slice(0, end));
      rest = rest.slice(end + 2);
      if (event !== undefined) onEvent(event);
      end = rest.indexOf("\n\n");
    }
  };
}

/** undefined: a comment, or an event that a later version sends. */
function eventOf(block: string): LiveEvent | undefined {
  let [name, data] = ["", ""];
  for (const line of block.split("\n")) {
    if (line.startsWith("event: ")) name = line.slice("event: ".length);
    if (line.startsWith("data: ")) data = line.slice("data: ".length);
  }
  if (name === "snapshot") return { kind: "snapshot", snapshot: JSON.parse(data) };
  if (name === "batch") return { kind: "batch", batch: JSON.parse(data) };
  return undefined;
}
