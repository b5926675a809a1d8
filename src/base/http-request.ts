/** What of a Request the doors read: those of Deno have it, and those of our own server on Bun. */
export interface HttpRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: HeaderFields;
  /** Of an AbortSignal as much: fires when the client leaves before its answer ended. */
  readonly signal: {
    readonly aborted: boolean;
    addEventListener(type: "abort", listener: () => void): void;
  };
  readonly body: AsyncIterable<Uint8Array> | null;
  bytes(): Promise<Uint8Array>;
  text(): Promise<string>;
}

export interface HeaderFields {
  get(name: string): string | null;
  /** What their reader keeps with them, where requests with the same head have the same fields. */
  note?: object | undefined;
}
