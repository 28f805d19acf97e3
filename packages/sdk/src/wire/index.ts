/**
 * The control plane's HTTP contract: schemas that both sides validate with, the routes, and a small client.
 * The schemas are the one source of the OpenAPI document. Nothing here decides anything.
 */
export * from "./ask.ts";
export * from "./bundle.ts";
export * as people from "./people.ts";
export { problem, PROBLEM_CODES } from "./problem.ts";
export type { Problem, ProblemCode } from "./problem.ts";
export { ROUTES } from "./routes.ts";
export type { Access, Route, RouteName } from "./routes.ts";
