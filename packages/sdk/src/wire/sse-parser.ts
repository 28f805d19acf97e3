/** Server-sent events from bytes as they come (WHATWG HTML §9.2). An event ends with a blank line; what is cut off before it never was. */
import { StringDecoder } from "node:string_decoder";

export interface ServerSentEvent {
  readonly event: string;
  readonly data: string;
}

export interface SseParser {
  /** Takes in bytes, wherever they were cut. Throws RangeError where one event grows beyond all reason. */
  push(bytes: Buffer): void;
  /** Of the last whole event that had one. */
  readonly lastEventId: string;
}

/** Of one event, in UTF-16 code units. */
const MAX_EVENT_LENGTH = 4 * 1024 * 1024;

export function createSseParser(onEvent: (event: ServerSentEvent) => void, startId = ""): SseParser {
  const decoder = new StringDecoder("utf8");
  let rest = "";
  let first = true;
  let name = "";
  let data: string[] = [];
  let length = 0;
  let id = startId;
  let lastEventId = startId;

  function line(text: string): void {
    if (text === "") return dispatch();
    const colon = text.indexOf(":");
    const field = colon < 0 ? text : text.slice(0, colon);
    const value = colon < 0 ? "" : text.slice(text[colon + 1] === " " ? colon + 2 : colon + 1);
    if (field === "event") name = value;
    else if (field === "id" && !value.includes("\0")) id = value;
    else if (field === "data") {
      data.push(value);
      length += value.length;
      if (length > MAX_EVENT_LENGTH) throw new RangeError("an event of the stream is too long");
    }
  }

  function dispatch(): void {
    const event = { event: name === "" ? "message" : name, data: data.join("\n") };
    const isEmpty = data.length === 0;
    name = "";
    data = [];
    length = 0;
    lastEventId = id;
    if (!isEmpty) onEvent(event);
  }

  return {
    get lastEventId() {
      return lastEventId;
    },
    push(bytes) {
      let text = rest + decoder.write(bytes);
      if (first && text !== "") {
        first = false;
        if (text.startsWith("\uFEFF")) text = text.slice(1);
      }
      let start = 0;
      for (;;) {
        const end = nextBreak(text, start);
        // A CR at the very end may be half of a CRLF.
        if (end < 0 || (text[end] === "\r" && end + 1 === text.length)) break;
        line(text.slice(start, end));
        start = text[end] === "\r" && text[end + 1] === "\n" ? end + 2 : end + 1;
      }
      rest = text.slice(start);
      if (rest.length > MAX_EVENT_LENGTH) throw new RangeError("a line of the stream is too long");
    },
  };
}

function nextBreak(text: string, from: number): number {
  const lf = text.indexOf("\n", from);
  const cr = text.indexOf("\r", from);
  if (lf < 0 || cr < 0) return Math.max(lf, cr);
  return Math.min(lf, cr);
}
