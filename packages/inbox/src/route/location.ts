/** Where the page is: the paths of PAGES and nothing else. Text from agents never becomes an address. */
import { PAGES } from "@countersign/sdk/contract";
import type { PageName } from "@countersign/sdk/contract";
import { useSyncExternalStore } from "react";

export interface Place {
  readonly page: PageName | "nowhere";
  /** The part of the path that the page leaves open. */
  readonly id: string;
}

const PATTERNS = Object.entries(PAGES).map(([name, path]) => ({ page: name as PageName, pattern: new RegExp(`^${path.replace(/\{\w+\}/, "([^/]+)")}$`) })); // the keys of PAGES are its names
const listeners = new Set<() => void>();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  addEventListener("popstate", listener);
  return () => {
    listeners.delete(listener);
    removeEventListener("popstate", listener);
  };
}

export function placeOf(path: string): Place {
  for (const { page, pattern } of PATTERNS) {
    const match = pattern.exec(path);
    if (match !== null) return { page, id: decode(match[1] ?? "") };
  }
  return { page: "nowhere", id: "" };
}

export function usePlace(): Place {
  return placeOf(useSyncExternalStore(subscribe, () => location.pathname));
}

export function pathTo(page: PageName, id = ""): string {
  return PAGES[page].replace(/\{\w+\}/, encodeURIComponent(id));
}

export function goTo(path: string, how: "push" | "replace" = "push"): void {
  if (path === location.pathname + location.search) return;
  if (how === "push") history.pushState(null, "", path);
  else history.replaceState(null, "", path);
  for (const listener of listeners) listener();
  if (how === "push") scrollTo(0, 0);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}
