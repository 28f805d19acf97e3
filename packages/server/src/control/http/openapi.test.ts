import { ROUTES } from "@countersign/sdk/wire";
import { Validator } from "@seriousme/openapi-schema-validator";
import { describe, expect, it } from "vitest";
import { BINDINGS } from "./bindings.ts";
import { BODIES, ROUTE_NAMES } from "./fixture/samples.ts";
import { recordResources } from "./fixture/recording-resources.ts";
import { serveApp } from "./fixture/serve-app.ts";
import { buildOpenApi } from "./openapi.ts";

describe("the routes and their document", () => {
  it("every route is bound, and nothing else is", () => {
    expect(Object.keys(BINDINGS).toSorted()).toEqual(Object.keys(ROUTES).toSorted());
  });

  it("no two routes have the same method and path", () => {
    expect(new Set(ROUTE_NAMES.map((name) => `${ROUTES[name].method} ${ROUTES[name].path}`)).size).toBe(ROUTE_NAMES.length);
  });

  it("what changes something and has no body is said: the samples know every route with a body", () => {
    expect(ROUTE_NAMES.filter((name) => BINDINGS[name].body !== null).toSorted()).toEqual(Object.keys(BODIES).toSorted());
    expect(ROUTE_NAMES.filter((name) => BINDINGS[name].body !== null && ROUTES[name].method === "GET")).toEqual([]);
  });

  it("the document is valid OpenAPI 3.1, and its references resolve", async () => {
    const document = buildOpenApi(BINDINGS, "1.2.3");
    const validator = new Validator();
    // The validator wants a mutable object; it is given a copy.
    const result = await validator.validate(JSON.parse(JSON.stringify(document)) as Record<string, unknown>);
    expect(result.errors ?? []).toEqual([]);
    expect(result.valid).toBe(true);
    expect(validator.version).toBe("3.1");
    const names = new Set(Object.keys((document["components"] as { schemas: object }).schemas));
    const refs = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(([, ref]) => ref ?? "");
    expect(refs.filter((ref) => !names.has(ref.replace("#/components/schemas/", "")))).toEqual([]);
    expect(refs.length).toBeGreaterThan(100);
  });

  it("the served document lists every route with who may use it, and no other", async () => {
    const app = await serveApp(recordResources().resources);
    const { text, headers } = await app.send({ method: "GET", path: "/v1/openapi.json" });
    await app.close();
    expect(headers["content-type"]).toBe("application/json");
    const { paths } = JSON.parse(text) as { paths: Record<string, Record<string, { operationId: string; "x-countersign-access": string[] }>> };
    const listed = Object.entries(paths).flatMap(([path, item]) => Object.entries(item).map(([method, operation]) => [operation.operationId, method.toUpperCase(), path, operation["x-countersign-access"]]));
    const byName = (a: readonly unknown[], b: readonly unknown[]): number => String(a[0]).localeCompare(String(b[0]));
    expect(listed.toSorted(byName)).toEqual(ROUTE_NAMES.map((name) => [name, ROUTES[name].method, ROUTES[name].path, [...ROUTES[name].access]]).toSorted(byName));
  });
});
