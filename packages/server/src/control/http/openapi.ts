/** The OpenAPI 3.1 document, made from ROUTES and the very schemas that judge the input. Nothing in it is written twice. */
import { problem, PROBLEM_CODES, ROUTES } from "@countersign/sdk/wire";
import type { Access, Route, RouteName } from "@countersign/sdk/wire";
import { z } from "zod";
import type { Bound } from "./binding.ts";
import { statusOf } from "./problem-response.ts";

type Json = { readonly [key: string]: unknown };

export function buildOpenApi(bindings: Readonly<Record<RouteName, Bound>>, version: string): Json {
  const schemas: Record<string, unknown> = {};
  const component = (name: string, schema: z.ZodType, io: "input" | "output"): Json => ({ $ref: `#/components/schemas/${addSchema(schemas, name, schema, io)}` });
  const problemRef = component("Problem", problem, "output");
  const paths: Record<string, Record<string, unknown>> = {};
  for (const name of Object.keys(ROUTES)) {
    const route: Route = ROUTES[name as RouteName]; // the keys of ROUTES are the names
    const bound = bindings[name as RouteName];
    const item = (paths[route.path] ??= {});
    item[route.method.toLowerCase()] = operation(name, route, bound, component, problemRef);
  }
  return {
    openapi: "3.1.0",
    info: { title: "Countersign control plane", version, license: { name: "Apache-2.0", identifier: "Apache-2.0" } },
    paths,
    components: {
      schemas,
      securitySchemes: {
        agentKey: { type: "http", scheme: "bearer", description: "An agent's key: asks and reports, never decides." },
        signIn: { type: "apiKey", in: "cookie", name: "__Host-countersign", description: "A person's sign-in; what changes something also needs the header x-csrf-token." },
        operator: { type: "http", scheme: "bearer", description: "The secret of control.json." },
      },
    },
  };
}

type AddComponent = (name: string, schema: z.ZodType, io: "input" | "output") => Json;

function operation(name: string, route: Route, bound: Bound, component: AddComponent, problemRef: Json): Json {
  const title = name.charAt(0).toUpperCase() + name.slice(1);
  const success = bound.answer === null ? {} : { content: { "application/json": { schema: component(`${title}Answer`, bound.answer, "output") } } };
  return {
    operationId: name,
    summary: route.summary,
    security: securityOf(route.access),
    "x-countersign-access": route.access,
    parameters: [...pathParameters(route.path), ...(bound.query === null ? [] : queryParameters(bound.query))],
    ...(bound.body === null ? {} : { requestBody: { required: true, content: { "application/json": { schema: component(`${title}Body`, bound.body, "input") } } } }),
    responses: {
      [String(bound.status)]: { description: "Success", ...success },
      default: {
        description: `A problem (RFC 9457); its status is one of ${[...new Set(PROBLEM_CODES.map(statusOf))].toSorted((a, b) => a - b).join(", ")}`,
        content: { "application/problem+json": { schema: problemRef } },
      },
    },
  };
}

function securityOf(access: readonly Access[]): readonly Json[] {
  const schemes = new Set(access.map((one) => (one === "anyone" ? "" : one === "agent" ? "agentKey" : one === "operator" ? "operator" : "signIn")));
  return [...schemes].map((scheme) => (scheme === "" ? {} : { [scheme]: [] }));
}

function pathParameters(path: string): readonly Json[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({ name, in: "path", required: true, schema: { type: "string" } }));
}

function queryParameters(query: z.ZodType): readonly Json[] {
  const { properties = {}, required = [] } = z.toJSONSchema(query, { io: "output", unrepresentable: "any" });
  return Object.entries(properties).map(([name, schema]) => ({ name, in: "query", required: required.includes(name), schema }));
}

/** Adds the schema and what it refers to as components, and answers its name there. */
function addSchema(schemas: Record<string, unknown>, name: string, schema: z.ZodType, io: "input" | "output"): string {
  const { $schema: _, $defs = {}, ...root } = z.toJSONSchema(schema, { target: "draft-2020-12", io, unrepresentable: "any" });
  const renamed = (ref: string): string => (ref === "#" ? `#/components/schemas/${name}` : ref.replace(/^#\/\$defs\//, `#/components/schemas/${name}.`));
  schemas[name] = rewriteRefs(root, renamed);
  for (const [key, definition] of Object.entries($defs)) schemas[`${name}.${key}`] = rewriteRefs(definition, renamed);
  return name;
}

function rewriteRefs(value: unknown, renamed: (ref: string) => string): unknown {
  if (Array.isArray(value)) return value.map((item) => rewriteRefs(item, renamed));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, key === "$ref" && typeof item === "string" ? renamed(item) : rewriteRefs(item, renamed)]));
}
