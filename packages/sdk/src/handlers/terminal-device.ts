/** The controlling terminal as a device: /dev/tty, raw mode, size. Everything here is about Node and the kernel, not about questions. */
import { closeSync, constants, openSync, readFileSync, writeSync } from "node:fs";
import { ReadStream, WriteStream } from "node:tty";

const PASTE_MARKS_ON = "\u001B[?2004h";
const PASTE_MARKS_OFF = "\u001B[?2004l";
/** The second screen, without lines above it: what stood there before comes back afterwards. */
const OWN_SCREEN_ON = "\u001B[?1049h";
const OWN_SCREEN_OFF = "\u001B[m\u001B[?25h\u001B[?1049l";

/** A sentence for people, or undefined where the terminal can be used. */
export function whyNoTerminal(): string | undefined {
  try {
    closeSync(openSync("/dev/tty", constants.O_RDWR | constants.O_NOCTTY));
  } catch (error) {
    return `this process has no controlling terminal (${errorCode(error)})`;
  }
  return isInBackground() ? "this process runs in the background of its terminal" : undefined;
}

/** Taking a terminal from the background would stop the whole process (SIGTTOU). Where /proc is missing, that is what happens. */
function isInBackground(): boolean {
  try {
    const stat = readFileSync("/proc/self/stat", "latin1");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [group, foreground] = [Number(fields[2]), Number(fields[5])];
    return group > 0 && foreground > 0 && group !== foreground;
  } catch {
    return false;
  }
}

export function errorCode(error: unknown): string {
  const code: unknown = error instanceof Error ? Reflect.get(error, "code") : undefined;
  return typeof code === "string" ? code : "unknown error";
}

/** The open terminal itself. */
export interface Device {
  /** Raw mode and paste marks on, and reading begins. Throws where the terminal refuses. */
  start(onInput: (text: string) => void, onGone: () => void): void;
  write(text: string): Promise<void>;
  /** Takes the terminal once more after the process was stopped: a shell has set its own modes meanwhile. */
  takeAgain(): void;
  /** Puts the modes back, at once: this runs in signal and exit handlers too. Never throws. */
  restore(): void;
  close(): void;
}

/** Throws where the terminal cannot be opened. */
export function openDevice(ownScreen: boolean): Device {
  const fd = openSync("/dev/tty", constants.O_RDWR | constants.O_NOCTTY);
  const stream = new ReadStream(fd);
  const ownsFd = isLeftOpen(stream, fd);
  let closed = false;
  const begin = PASTE_MARKS_ON + (ownScreen ? OWN_SCREEN_ON : "");
  const end = PASTE_MARKS_OFF + (ownScreen ? OWN_SCREEN_OFF : "");
  return {
    start(onInput, onGone) {
      stream.setEncoding("utf8");
      stream.on("data", (chunk) => onInput(String(chunk)));
      for (const event of ["end", "close", "error"]) stream.on(event, onGone);
      stream.setRawMode(true);
      stream.write(begin);
    },
    takeAgain() {
      // The stream believes its own memory of the mode, so it has to leave raw mode to enter it again.
      quietly(() => stream.setRawMode(false));
      quietly(() => stream.setRawMode(true));
      quietly(() => writeSync(fd, begin));
    },
    restore() {
      quietly(() => stream.setRawMode(false));
      quietly(() => writeSync(fd, end));
    },
    write(text) {
      const { promise, resolve } = Promise.withResolvers<void>();
      if (stream.destroyed) resolve();
      else stream.write(text, () => resolve());
      return promise;
    },
    close() {
      if (closed) return;
      closed = true;
      stream.removeAllListeners("data");
      stream.destroy();
      if (ownsFd) closeSync(fd);
    },
  };
}

/** A terminal that is gone takes its modes with it, and there is no one left to tell. */
function quietly(act: () => unknown): void {
  try {
    act();
  } catch {
    // Gone.
  }
}

/**
 * libuv opens a terminal a second time and closes only that one, so ours would leak with every question.
 * The stream's own number stands only on its internal handle; where that is missing, leaking is the harmless side.
 */
function isLeftOpen(stream: ReadStream | WriteStream, fd: number): boolean {
  const handle: unknown = Reflect.get(stream, "_handle");
  const used: unknown = typeof handle === "object" && handle !== null ? Reflect.get(handle, "fd") : undefined;
  return typeof used === "number" && used !== fd;
}

/** Asks the kernel afresh: a stream of ours would only know the size it had when it was made. */
export function measure(): { readonly columns: number; readonly rows: number } {
  try {
    const fd = openSync("/dev/tty", constants.O_WRONLY | constants.O_NOCTTY);
    const stream = new WriteStream(fd);
    const ownsFd = isLeftOpen(stream, fd);
    const { columns, rows } = stream;
    stream.destroy();
    if (ownsFd) closeSync(fd);
    return columns > 0 && rows > 0 ? { columns, rows } : { columns: 80, rows: 24 };
  } catch {
    return { columns: 80, rows: 24 };
  }
}

/** True where a character beyond ASCII may come out as a placeholder, which would make different texts look the same. */
export function showsOnlyAscii(environment: NodeJS.ProcessEnv): boolean {
  const { LC_ALL, LC_CTYPE, LANG, TERM } = environment;
  const locale = [LC_ALL, LC_CTYPE, LANG].find((value) => value !== undefined && value !== "") ?? "";
  const unicode = process.platform === "darwin" && locale === "" ? true : /utf-?8/i.test(locale);
  return !unicode || TERM === undefined || /^(?:linux|dumb|vt\d+)$/.test(TERM);
}
