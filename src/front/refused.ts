/** Tells whoever listens what was refused: beside the answer, which waits for nothing. */

import type { Answer, Caller, Door } from "./door.ts";

/** The same answer. A promise that somebody settles for this request is noted by who does. */
export function noted(door: Door, caller: Caller, answer: Answer): Answer {
  if (answer instanceof Response) note(door, caller, answer);
  else if (answer !== caller.promise) noteLater(door, caller, answer);
  return answer;
}

/** Once a request, whoever of those that hand its answer on comes first. */
export function note(door: Door, caller: Caller, response: Response): void {
  if (response.status < 400 || caller.refused) return;
  caller.refused = true;
  door.refused?.(caller.request, response);
}

function noteLater(door: Door, caller: Caller, answer: Promise<Response>): void {
  void answer.then(
    (response) => note(door, caller, response),
    () => undefined,
  );
}
