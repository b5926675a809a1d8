/** One report says a thing once: what repeats it points to it. */

/** `backoff: CAUSE (5 times)` → `backoff: for the cause above (5 times)`. */
export function saidOnce(text: string, cause: string): string {
  if (cause === "") return text;
  // `started 12 times within a minute; last: CAUSE`.
  const last = cause.split("; last: ").at(-1) ?? cause;
  return text.replace(cause, pointer).replace(last === "" ? cause : last, pointer);
}

const pointer = "for the cause above";
