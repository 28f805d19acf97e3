/** What is wrong with a page for people who use it another way: axe in a world of its own, where the page's policy does not reach. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { Page } from "playwright-core";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export interface Found {
  readonly id: string;
  readonly impact: string;
  readonly nodes: readonly string[];
}

/** A button that has just become one that can be pressed has a colour in between for a moment. */
const SETTLED = `Promise.race([
  new Promise((resolve) => setTimeout(resolve, 1000)),
  Promise.all(document.getAnimations().map((one) => one.finished.catch(() => undefined))).then(() => undefined),
])`;

export async function axe(page: Page): Promise<readonly Found[]> {
  await page.evaluate(SETTLED);
  const devtools = await page.context().newCDPSession(page);
  const { frameTree } = await devtools.send("Page.getFrameTree");
  const { executionContextId } = await devtools.send("Page.createIsolatedWorld", { frameId: frameTree.frame.id, worldName: "axe" });
  await devtools.send("Runtime.evaluate", { expression: AXE, contextId: executionContextId });
  const expression = `axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }).then(({ violations }) => violations.map(({ id, impact, nodes }) => ({ id, impact, nodes: nodes.map(({ html, failureSummary }) => html.slice(0, 200) + " | " + failureSummary) })))`;
  const { result, exceptionDetails } = await devtools.send("Runtime.evaluate", { expression, contextId: executionContextId, awaitPromise: true, returnByValue: true });
  await devtools.detach();
  if (exceptionDetails !== undefined) throw new Error(exceptionDetails.text);
  return result.value as readonly Found[]; // made in the expression above
}

export async function isWithinScreen(page: Page): Promise<boolean> {
  return page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth");
}

/** Where it names a folder, every screen that is looked at is kept there as a picture, for people to look at too. */
const PICTURES = process.env["COUNTERSIGN_TEST_PICTURES"];
let pictures = 0;

/** What axe finds on this page, by its address and rule; throws where the page is wider than the screen. */
export async function faultsOf(page: Page): Promise<readonly Found[]> {
  if (PICTURES !== undefined) {
    await page.evaluate(SETTLED);
    const theme = String(await page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'"));
    const place = new URL(page.url()).pathname.replaceAll(/[^\w]+/g, "-").slice(0, 24);
    await page.screenshot({ path: join(PICTURES, `${process.pid}-${String((pictures += 1)).padStart(3, "0")}-${place}-${theme}-${page.viewportSize()?.width ?? 0}.png`), animations: "disabled" });
  }
  if (!(await isWithinScreen(page))) throw new Error(`${page.url()} is wider than the screen`);
  return (await axe(page)).map((one) => ({ ...one, id: `${new URL(page.url()).pathname} ${one.id}` }));
}

/** How people look at a page: a desktop and a small phone, in both themes. */
export const LOOKS = (["light", "dark"] as const).flatMap((colorScheme) => [{ width: 1280, height: 800 }, { width: 320, height: 640 }].map((viewport) => ({ colorScheme, viewport })));
