/** Types of the control API: a key that was made. */

/** POST keys: {name, roles, expires_in_ms?} → the token, shown once. */
export interface CreatedKey {
  readonly id: string;
  readonly name: string;
  readonly role: string;
  readonly roles: readonly string[];
  readonly token: string;
  readonly expires_at: string | null;
}
