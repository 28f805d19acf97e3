/** Starts control planes as children and asks how they fare. */
import { fork } from "node:child_process";
import { once } from "node:events";
import type { Opened, PlaneOptions, Usage } from "./plane-child.ts";

export interface Plane extends Opened {
  usage(): Promise<Usage>;
  close(): Promise<void>;
}

export async function startPlane(options: PlaneOptions): Promise<Plane> {
  const profile = process.env["BENCH_PROFILE"] === undefined ? [] : ["--cpu-prof", "--cpu-prof-dir", process.env["BENCH_PROFILE"]];
  const child = fork(new URL("./plane-child.ts", import.meta.url), { execArgv: ["--expose-gc", ...profile] });
  const ended = once(child, "exit");
  const answered = async <T>(message: PlaneOptions | "usage"): Promise<T> => {
    const answer = Promise.race([once(child, "message"), ended.then(() => Promise.reject(new Error("the control plane has ended")))]);
    child.send(message);
    const [said] = await answer;
    return said as T; // plane-child.ts answers these two with these
  };
  const opened = await answered<Opened>(options);
  return {
    ...opened,
    usage: () => answered<Usage>("usage"),
    async close() {
      child.send("end");
      await ended;
    },
  };
}
