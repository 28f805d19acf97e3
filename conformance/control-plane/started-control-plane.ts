/** A control plane as `countersign up` makes it, in a directory of its own, with its owner signed in: for suites that need a real one. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OPERATOR } from "../../packages/server/src/auth/identity.ts";
import { runControlPlane, type ControlPlaneSettings, type RunningControlPlane } from "../../packages/server/src/control/run-control-plane.ts";

export interface Owner {
  /** Sends as the owner, from a browser's page of this origin. Throws on an answer that is no success. */
  send<T>(method: string, path: string, body?: object): Promise<T>;
  readonly personId: string;
}

export interface StartedControlPlane {
  readonly url: string;
  readonly directory: string;
  readonly running: RunningControlPlane;
  readonly owner: Owner;
  /** A new agent key that is bound to the owner. */
  makeKey(name: string): Promise<string>;
  activate(text: string): Promise<void>;
  close(): Promise<void>;
}

export async function startControlPlane(settings: Partial<ControlPlaneSettings> = {}): Promise<StartedControlPlane> {
  const directory = await mkdtemp(join(tmpdir(), "countersign-plane-"));
  const running = await runControlPlane({ directory, host: "127.0.0.1", ports: [0], checkpointPlaces: [], version: "0.0.0", env: {}, onWarning: () => undefined, onStop: () => undefined, ...settings });
  // Where it listens, under the name that is not looked up.
  const { url } = JSON.parse(await readFile(join(directory, "control.json"), "utf8")) as { url: string };
  const owner = await signIn(url, running);
  return {
    url,
    directory,
    running,
    owner,
    makeKey: async (name) => (await owner.send<{ secret: string }>("POST", "/v1/keys", { name, ownerId: owner.personId, expiresAt: null })).secret,
    async activate(text) {
      const saved = await running.policies.saveAndActivate(OPERATOR, { text, comment: "" });
      if (!saved.ok) throw new Error(saved.detail);
    },
    async close() {
      await running.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function signIn(url: string, { people }: RunningControlPlane): Promise<Owner> {
  const link = await people.makeOwnerLink(OPERATOR);
  if (!link.ok) throw new Error(link.detail);
  const token = new URL(link.url).hash.slice("#link=".length);
  const answer = await fetch(`${url}/v1/sign-in/link`, { method: "POST", headers: { "content-type": "application/json", origin: url }, body: JSON.stringify({ token }) });
  const { csrf, personId } = (await answer.json()) as { csrf: string; personId: string };
  const cookie = answer.headers.get("set-cookie")?.split(";")[0] ?? "";
  return {
    personId,
    async send<T>(method: string, path: string, body?: object): Promise<T> {
      const sent = body === undefined ? {} : { body: JSON.stringify(body) };
      const said = await fetch(url + path, { method, ...sent, headers: { cookie, "x-csrf-token": csrf, origin: url, ...(body === undefined ? {} : { "content-type": "application/json" }) } });
      const text = await said.text();
      if (!said.ok) throw new Error(`${method} ${path} answered ${said.status}: ${text}`);
      return (text === "" ? undefined : JSON.parse(text)) as T; // what is in it is for the caller to say
    },
  };
}
