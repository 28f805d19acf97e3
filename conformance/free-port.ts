/** For programs that have to be told their port before they listen. */
import { createServer } from "node:net";

/** Below those that the system gives out by itself: nobody else comes by it before the program has started. */
const [FIRST, COUNT] = [20_000, 12_000] as const;

export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * COUNT);
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
