/** The connection to an upstream that is a process of ours, by its standard streams. */
import { LineFramer } from "../message/line-framer.ts";
import type { UpstreamConnection, UpstreamListener } from "./upstream-connection.ts";
import type { UpstreamProcess } from "./upstream-process.ts";

/** So much of one message may have to be held in memory. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

export function connectProcess(upstream: UpstreamProcess, { onLine, onDrain, onWarning }: UpstreamListener): UpstreamConnection {
  const { input, output, ended } = upstream;
  const framer = new LineFramer(MAX_ANSWER_BYTES, { onLine, onOversize: () => onWarning(`a message of the server was longer than ${MAX_ANSWER_BYTES} bytes; it is not passed on`) });
  output.on("data", (chunk: Buffer) => framer.push(chunk));
  input.on("drain", onDrain).on("error", onDrain);
  return {
    send: (line) => input.destroyed || input.writableEnded || input.write(line),
    get unsent() {
      return input.writableLength;
    },
    pause: () => void output.pause(),
    resume: () => void output.resume(),
    ended,
    stop: () => upstream.stop(),
  };
}
