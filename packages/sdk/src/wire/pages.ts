/**
 * The pages of the inbox: paths for which the control plane answers the app's shell. A path that is not here is no page. There is
 * nothing in a shell that anyone may not see, so anyone may fetch it; what it shows comes over ROUTES, with their access.
 */
export const PAGES = {
  waiting: "/",
  signIn: "/sign-in",
  request: "/requests/{id}",
  history: "/history",
  policies: "/policies",
  policyDraft: "/policies/draft",
  policyVersion: "/policies/{version}",
  insights: "/insights",
  settings: "/settings",
  account: "/account",
} as const;
export type PageName = keyof typeof PAGES;
