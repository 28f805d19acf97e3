/** How much of another process's heap is in use after a full collection, asked by its inspector (Chrome DevTools Protocol over a WebSocket). */
import { once } from "node:events";

export interface Heap {
  /** Bytes. */
  used(): Promise<number>;
  close(): void;
}

export async function openHeap(inspectorPort: number): Promise<Heap> {
  const listed = await fetch(`http://127.0.0.1:${inspectorPort}/json/list`);
  const [target] = (await listed.json()) as readonly { readonly webSocketDebuggerUrl: string }[]; // the protocol's own answer
  if (target === undefined) throw new Error("no inspector");
  const socket = new WebSocket(target.webSocketDebuggerUrl);
  await once(socket, "open");
  let count = 0;
  const ask = (method: string): Promise<Readonly<Record<string, unknown>>> =>
    new Promise((resolve) => {
      const id = (count += 1);
      const hear = ({ data }: MessageEvent): void => {
        const said = JSON.parse(String(data)) as { readonly id?: number; readonly result?: Record<string, unknown> }; // of the protocol
        if (said.id !== id) return;
        socket.removeEventListener("message", hear);
        resolve(said.result ?? {});
      };
      socket.addEventListener("message", hear);
      socket.send(JSON.stringify({ id, method }));
    });
  await ask("HeapProfiler.enable");
  return {
    async used() {
      await ask("HeapProfiler.collectGarbage");
      return Number((await ask("Runtime.getHeapUsage"))["usedSize"]);
    },
    close: () => socket.close(),
  };
}
