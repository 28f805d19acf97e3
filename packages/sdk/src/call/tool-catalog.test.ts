import { describe, expect, it } from "vitest";
import { createToolCatalog, type ListTools, type ToolCatalog } from "./tool-catalog.ts";

const never: ListTools = () => Promise.reject(new Error("nobody listed"));
const SIGNAL = new AbortController().signal;

const tool = (name: string, more: object = {}) => ({ name, description: `does ${name}`, inputSchema: { type: "object", required: ["a", "b"] }, ...more });
const listed = (...tools: readonly unknown[]): ToolCatalog => {
  const catalog = createToolCatalog(never);
  catalog.observe(undefined, { tools });
  return catalog;
};
const digestOf = (definition: unknown, name = "x"): string | undefined => listed(definition).definition(name)?.digest;

describe("a tool's definition", () => {
  it("is its name, title, description, schemas and annotations, and nothing else", () => {
    const definition = { ...tool("x"), title: "X", outputSchema: {}, annotations: { readOnlyHint: true } };
    const full = { ...definition, _meta: { a: 1 }, icons: [{ src: "x" }], execution: { taskSupport: "optional" } };
    expect(listed(full).definition("x")?.definition).toEqual(definition);
    expect(digestOf(full)).toBe(digestOf(definition));
  });

  it("has a digest that is the same for the same definition on every machine", () => {
    expect(digestOf({ name: "x" })).toBe("7fbea2d1b494509b74168a08387e98c7ff2e8fe896798663b693a92afff6079b");
  });

  it.each([
    ["title", tool("x", { title: "X" })],
    ["description", tool("x", { description: "does x." })],
    ["an input schema", tool("x", { inputSchema: { type: "object", required: ["a", "b"], additionalProperties: false } })],
    ["the order of a list", tool("x", { inputSchema: { type: "object", required: ["b", "a"] } })],
    ["an output schema", tool("x", { outputSchema: {} })],
    ["annotations", tool("x", { annotations: { readOnlyHint: true } })],
    ["no description", { name: "x", inputSchema: { type: "object", required: ["a", "b"] } }],
  ])("changes its digest with %s", (_what, changed) => {
    expect(digestOf(changed)).toMatch(/^[0-9a-f]{64}$/);
    expect(digestOf(changed)).not.toBe(digestOf(tool("x")));
  });

  it("keeps its digest when only the order of keys changes, or when it goes and comes back", () => {
    const turned = { inputSchema: { required: ["a", "b"], type: "object" }, description: "does x", name: "x" };
    expect(digestOf(turned)).toBe(digestOf(tool("x")));
    const catalog = listed(tool("x"));
    catalog.observe(undefined, { tools: [] });
    expect(catalog.definition("x")).toBeUndefined();
    catalog.observe(undefined, { tools: [turned] });
    expect(catalog.definition("x")?.digest).toBe(digestOf(tool("x")));
  });

  it("is a copy: the server's object may change afterwards", () => {
    const live = tool("x");
    const catalog = listed(live);
    const before = catalog.definition("x")?.digest;
    live.description = "now does y";
    live.inputSchema.required.push("c");
    expect(catalog.definition("x")).toMatchObject({ digest: before, definition: tool("x") });
  });

  it("takes nothing from a polluted prototype", () => {
    const clean = digestOf(tool("x"));
    const { prototype } = Object;
    Object.defineProperty(prototype, "title", { value: "polluted", configurable: true, writable: true });
    try {
      expect(digestOf(tool("x"))).toBe(clean);
    } finally {
      Reflect.deleteProperty(prototype, "title");
    }
  });

  it("may have any name", () => {
    const catalog = listed(tool("__proto__"), tool("constructor"), tool("a:b"));
    expect(catalog.standing("__proto__")).toBe("listed");
    expect(catalog.standing("constructor")).toBe("listed");
    expect(catalog.standing("toString")).toBe("unlisted");
  });
});

describe("standing", () => {
  it("is unknown until a whole list was seen, and unlisted after it", () => {
    const catalog = createToolCatalog(never);
    expect(catalog.standing("x")).toBe("unknown");
    catalog.observe(undefined, { tools: [tool("a")], nextCursor: "2" });
    expect([catalog.standing("a"), catalog.standing("x")]).toEqual(["listed", "unknown"]);
    catalog.observe("2", { tools: [tool("b")] });
    expect([catalog.standing("a"), catalog.standing("b"), catalog.standing("x")]).toEqual(["listed", "listed", "unlisted"]);
  });

  it("loses what a new whole list leaves out, and only when that list is whole", () => {
    const catalog = listed(tool("a"), tool("b"));
    catalog.observe(undefined, { tools: [tool("a", { title: "new" })], nextCursor: "2" });
    expect(catalog.standing("b")).toBe("listed");
    expect(catalog.definition("a")?.definition["title"]).toBe("new");
    catalog.observe("2", { tools: [] });
    expect(catalog.standing("b")).toBe("unlisted");
  });

  it("takes a page out of nowhere as news about its own tools only", () => {
    const catalog = listed(tool("a"), tool("b"));
    catalog.observe("somewhere", { tools: [tool("b", { title: "new" }), tool("c")] });
    expect([catalog.standing("a"), catalog.standing("c")]).toEqual(["listed", "listed"]);
    expect(catalog.definition("b")?.definition["title"]).toBe("new");
    const fresh = createToolCatalog(never);
    fresh.observe("somewhere", { tools: [tool("a")] });
    expect([fresh.standing("a"), fresh.standing("x")]).toEqual(["listed", "unknown"]);
  });

  it.each<[string, () => unknown]>([
    ["undefined", () => undefined],
    ["null", () => null],
    ["text", () => "tools"],
    ["a list", () => []],
    ["no tools", () => ({})],
    ["tools that are text", () => ({ tools: "x" })],
    ["tools that only look like a list", () => ({ tools: { length: 1 } })],
    ["a revoked Proxy", revoked],
    ["revoked tools", () => ({ tools: revoked() })],
    ["tools that throw", () => throwing("tools")],
    ["a cursor that throws", () => throwing("nextCursor")],
  ])("learns nothing from %s, and does not throw", (_what, make) => {
    const page = make();
    const catalog = listed(tool("a"));
    catalog.observe(undefined, page);
    expect([catalog.standing("a"), catalog.standing("x")]).toEqual(["listed", "unlisted"]);
  });

  it("does not list what has no name or no plain definition, so that nobody is shown less than there is", () => {
    const catalog = listed(null, "x", {}, { name: 7 }, tool("big", { inputSchema: { default: 2 ** 60 } }), tool("proto", JSON.parse(`{"annotations":{"__proto__":1}}`)), tool("good"));
    expect(["7", "big", "proto", "good"].map((name) => catalog.standing(name))).toEqual(["unlisted", "unlisted", "unlisted", "listed"]);
  });
});

describe("refreshing", () => {
  it("lists all pages with their cursors and the signal", async () => {
    const asked: unknown[] = [];
    const pages = new Map<string | undefined, unknown>([
      [undefined, { tools: [tool("a")], nextCursor: "2" }],
      ["2", { tools: [tool("b")], nextCursor: "3" }],
      ["3", { tools: [tool("c")] }],
    ]);
    const catalog = createToolCatalog((cursor, signal) => {
      asked.push([cursor, signal]);
      return Promise.resolve(pages.get(cursor));
    });
    await catalog.refresh(SIGNAL);
    expect(asked).toEqual([[undefined, SIGNAL], ["2", SIGNAL], ["3", SIGNAL]]);
    expect(["a", "b", "c", "x"].map((name) => catalog.standing(name))).toEqual(["listed", "listed", "listed", "unlisted"]);
  });

  it("ends where the server never does", async () => {
    let pages = 0;
    const catalog = createToolCatalog(() => Promise.resolve({ tools: [], nextCursor: String(pages++) }));
    await expect(catalog.refresh(SIGNAL)).rejects.toThrow("tools/list did not end within 64 pages");
    expect(pages).toBe(64);
    expect(catalog.standing("x")).toBe("unknown");
  });

  it("rejects as the server does and leaves the old list standing", async () => {
    const catalog = listed(tool("a"));
    await expect(catalog.refresh(SIGNAL)).rejects.toThrow("nobody listed");
    expect(catalog.standing("a")).toBe("listed");
  });
});

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable([], {});
  revoke();
  return proxy;
}

function throwing(key: string): object {
  const get = (): never => {
    throw new Error("trap");
  };
  return Object.defineProperty({ tools: [tool("x")] }, key, { get });
}
