/** Ends a control plane that nobody uses: so many hours without a row of the record and without an open request. */
import type { RunningControlPlane } from "../control/run-control-plane.ts";

const LOOK_MS = 60_000;

export function keepUntilIdle(running: Pick<RunningControlPlane, "countOpen" | "lastActivity">, hours: number, onIdle: () => void): { end(): void } {
  const limitMs = hours * 3_600_000;
  const look = async (): Promise<void> => {
    if (performance.now() - running.lastActivity() < limitMs) return;
    if ((await running.countOpen()) === 0) onIdle();
  };
  // A store that does not answer is no reason to end.
  const timer = setInterval(() => void look().catch(() => undefined), Math.min(LOOK_MS, limitMs));
  timer.unref();
  return { end: () => clearInterval(timer) };
}
