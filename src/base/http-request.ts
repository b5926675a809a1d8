/** What of a Request the doors read: those of Deno have it, and those of our own server on Bun. */
export interface HttpRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: { get(name: string): string | null };
  /** Of an AbortSignal as much: fires when the client leaves before its answer ended. */
  readonly signal: {
    readonly aborted: boolean;
    addEventListener(type: "abort", listener: () => void): void;
  };
  readonly body: AsyncIterable<Uint8Array> | null;
  bytes(): Promise<Uint8Array>;
  text(): Promise<string>;
}
