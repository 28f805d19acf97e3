/** The built program as a process, its owner signed in, with the few things that the inbox's stages need of it. */
import { startControlPlane as startProgram } from "../control-plane/running-control-plane.ts";
import { hireStaff } from "../control-plane/staff.ts";

export interface StartedControlPlane {
  /** Where it listens. */
  readonly url: string;
  /** How people reach it: passkeys need a name. */
  readonly origin: string;
  readonly directory: string;
  readonly owner: { readonly personId: string; send<T>(method: string, path: string, body?: object): Promise<T> };
  /** A new agent key that is bound to the owner. */
  makeKey(name: string): Promise<string>;
  activate(text: string): Promise<void>;
  close(): Promise<void>;
}

export async function startControlPlane(): Promise<StartedControlPlane> {
  const plane = await startProgram({ policy: "version: 1\ndefault: allow\npolicies: []\n" });
  const staff = await hireStaff(plane);
  const { owner } = staff;
  const send = <T>(method: string, path: string, body?: object): Promise<T> => staff.must<T>(owner, method, path, body);
  let inForce = 1;
  return {
    url: plane.url,
    origin: `http://localhost:${plane.port}`,
    directory: plane.directory,
    owner: { personId: owner.personId, send },
    makeKey: async (name) => (await staff.addKey(name, owner.personId)).secret,
    async activate(text) {
      const { version } = await send<{ version: number }>("POST", "/v1/policies", { text, comment: "" });
      await send("POST", `/v1/policies/${version}/activate`, { expect: inForce, comment: "" });
      inForce = version;
    },
    close: () => plane.remove(),
  };
}
