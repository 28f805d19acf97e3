/**
 * A connection to an upstream, whatever carries it: messages in their own bytes, both ways. What a client declared holds for its own
 * connection alone, so each client session has one. Implemented by the other files of this folder.
 */
export interface UpstreamConnection {
  /** One message, with its line feed. False: it is full until `onDrain`. Never throws: what is sent to an upstream that has gone is lost. */
  send(line: Buffer | string): boolean;
  /** Bytes that it was sent and that wait in memory. */
  readonly unsent?: number;
  /** Stops or goes on reading what the upstream says, where it can. */
  pause(): void;
  resume(): void;
  /** Resolves once it has ended and all it said was handed on. Never rejects. */
  readonly ended: Promise<UpstreamEnd>;
  /** Ends it, and what was started for it. Resolves when it has ended. */
  stop(): Promise<void>;
}

export interface UpstreamListener {
  /**
   * One message of the upstream, with its line feed. `outcome`: it is the connection's own error, in the place of an answer that does not
   * come any more, and whether the request was carried out is not known.
   */
  readonly onLine: (line: Buffer, outcome?: "unknown") => void;
  /** The connection takes more again, after `send` said false. */
  readonly onDrain: () => void;
  readonly onWarning: (message: string) => void;
}

export type UpstreamEnd =
  /** `code`: an exit code to take over; 0 where there is none. */
  | { readonly kind: "ended"; readonly code: number }
  /** It could not be reached or started at all. */
  | { readonly kind: "not started"; readonly code: number; readonly why: string };
