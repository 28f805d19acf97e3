// Which folder may import which: the picture of ARCHITECTURE.md as data. check-imports.mjs enforces it.
// A unit is a folder of `src`, or a file at its top named without its ending (`guard` is guard.ts or guard/).
// `values`: may be imported in any way. `types`: `import type` only, and the lists in the vocabulary files.
// A unit that is not in the list is an error: decide where it belongs before writing it.

/**
 * @typedef {{ values?: readonly string[], types?: readonly string[] }} Allowed
 * @typedef {{
 *   source: string,
 *   everyone: readonly string[],
 *   units: Readonly<Record<string, Allowed>>,
 *   vocabulary: readonly string[],
 *   free: readonly string[],
 *   onlyFor: readonly { file: string, name: string, importers: readonly string[] }[],
 * }} Boundaries
 */

const STEPS = /** @type {const} */ (["call", "inspection", "policy", "approval", "execution", "record"]);

/** @type {Boundaries} */
export const SDK = {
  source: "packages/sdk/src",
  everyone: ["errors"],
  units: {
    // In the order of the flow: a step uses the steps before it, never the ones after.
    errors: { types: ["call", "policy", "approval"] },
    call: {},
    inspection: { values: ["call"] },
    policy: { values: ["call", "inspection"] },
    // The outcome that is reported to whoever was asked is the record's word.
    approval: { values: ["call"], types: ["inspection", "policy", "record"] },
    execution: { values: ["call"] },
    // Canonical form and digests are made in call/ alone, so the two below may use them.
    record: { values: ["call"], types: ["inspection", "policy", "approval"] },
    otel: { values: ["record", "call"] },
    // JSON is read in one way (call/parse-json.ts).
    wire: { values: ["call"], types: STEPS },
    // The agent's end of the control plane: ports of the steps, spoken over the wire. It decides nothing and mints nothing.
    "control-plane": { values: ["approval", "wire"], types: STEPS },
    guard: { values: STEPS },
    // What every enforcement point shares: the ports opened, guard and the handlers that gateways ask with handed on. It knows no protocol.
    enforcement: { values: ["guard", ...STEPS, "otel", "wire", "control-plane", "handlers"] },
    client: { values: ["guard", ...STEPS, "otel", "wire", "control-plane", "handlers", "enforcement"] },
    server: { values: ["guard", ...STEPS, "otel", "wire", "control-plane", "handlers", "enforcement"] },
    // Business hours are told in one way, in conditions and by the handler.
    handlers: { values: ["call", "approval", "wire", "policy"] },
  },
  // Files of plain data types with the lists they are made from: a list may be imported where a type may.
  vocabulary: [
    "call/call.ts",
    "call/json.ts",
    "inspection/inspection.ts",
    "policy/result.ts",
    "approval/decision.ts",
    "record/entry.ts",
  ],
  // The public surface names everything; fakes and contract suites need everything.
  free: ["index", "testing"],
  // A permit is the proof that a decision was taken. Whoever can mint one can run a call that nobody allowed.
  onlyFor: [{ file: "execution/permit.ts", name: "mintPermit", importers: ["guard"] }],
};

/** @type {Boundaries} */
export const SERVER = {
  source: "packages/server/src",
  everyone: [],
  units: {
    config: { values: ["sdk"] },
    // How figures are counted and written; what they are about is for whoever counts.
    metrics: {},
    // Private folders are made, and JSON is read, in one way.
    sql: { values: ["sdk"] },
    store: { values: ["sql", "sdk"] },
    auth: { values: ["store", "config"], types: ["sdk"] },
    channels: { types: ["sdk"] },
    // Documents tried on calls: pure, for the commands and the control plane alike.
    trial: { values: ["sdk"] },
    // Never store or control: the gateway asks over HTTP, embedded or not, like any other client.
    gateway: { values: ["sdk", "config", "metrics"] },
    // Files of other programs, read and edited. It knows nothing of how a gateway works.
    "gateway-install": { values: ["sdk"] },
    control: { values: ["sdk", "store", "auth", "channels", "config", "metrics", "trial"] },
    cli: { values: ["sdk", "gateway", "gateway-install", "control", "channels", "auth", "store", "sql", "config", "metrics", "trial"] },
  },
  vocabulary: [],
  free: ["index"],
  onlyFor: [],
};

/** @type {Boundaries} */
export const INBOX = {
  source: "packages/inbox/src",
  everyone: [],
  units: {
    style: {},
    route: { values: ["sdk"] },
    // Speaks to the control plane and keeps what it said. It knows nothing of how things look.
    api: { values: ["sdk"] },
    // Shows what it is given. It asks for nothing.
    part: { values: ["sdk", "route"], types: ["api"] },
    screen: { values: ["sdk", "api", "part", "route"] },
    app: { values: ["sdk", "api", "part", "route", "screen", "style"] },
    main: { values: ["app", "api", "style"] },
  },
  vocabulary: [],
  free: [],
  onlyFor: [],
};

/** How a package of ours is called as a unit of another one. */
export const OWN_PACKAGES = Object.freeze({ "@countersign/sdk": "sdk" });
