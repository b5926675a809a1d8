/** Tells whoever listens what was refused: after the fact, beside the answer. */

import type { Answer, Caller, Door } from "./door.ts";

/** The same answer, seen: nobody waits for this. */
export function seen(door: Door, caller: Caller, answer: Answer): Answer {
  if (answer instanceof Response) look(door, caller, answer);
  // A promise that somebody took is looked at when it is kept.
  else if (answer !== caller.promise) lookLater(door, caller, answer);
  return answer;
}

function lookLater(door: Door, caller: Caller, answer: Promise<Response>): void {
  void answer.then(
    (response) => look(door, caller, response),
    () => undefined,
  );
}

export function look(door: Door, caller: Caller, response: Response): void {
  if (response.status < 400 || caller.refused) return;
  caller.refused = true;
  door.refused?.(caller.request, response);
}
