/** A value, or the reason why there is none: for refusals that are part of the work. */
export type Result<T, E> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: E };

export function ok<T>(value: T): { readonly ok: true; readonly value: T } {
  return { ok: true, value };
}

export function no<E>(error: E): { readonly ok: false; readonly error: E } {
  return { ok: false, error };
}
