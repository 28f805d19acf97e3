/**
 * The door `@countersign/sdk/contract`: the schemas, the routes and the pages alone, for whoever brings a client of their own. Nothing here
 * may need Node: the inbox runs it in a browser.
 */
export * from "./ask.ts";
export * from "./bundle.ts";
export * as insights from "./insights.ts";
export * as people from "./people.ts";
export * as trial from "./policy-trial.ts";
export { problem, PROBLEM_CODES } from "./problem.ts";
export type { Problem, ProblemCode } from "./problem.ts";
export { PAGES } from "./pages.ts";
export type { PageName } from "./pages.ts";
export { ROUTES } from "./routes.ts";
export type { Access, Route, RouteName } from "./routes.ts";
export { VIEW_FREE_LENGTH, viewText } from "./view-text.ts";
export type { ShownView } from "./view-text.ts";
