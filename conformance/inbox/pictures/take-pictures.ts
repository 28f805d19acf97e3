/**
 * `npm run pictures`: the pictures and the recording of README, taken from a real control plane, a real agent and a real Chromium. Run it when
 * a screen has changed, and look at what it made. Needs Chromium, and ffmpeg for the recording (Debian: `apt-get install chromium ffmpeg`).
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findChromium } from "../../../test/needs.ts";
import { openOffice } from "./office.ts";
import { recordDecision } from "./record-decision.ts";

const TO = fileURLToPath(new URL("../../../docs/pictures/", import.meta.url));
const DESKTOP = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };

const found = findChromium();
if (found.path === undefined) throw new Error(`There is no browser to take pictures with: ${found.missing}`);
mkdirSync(TO, { recursive: true });
const office = await openOffice(found.path);
try {
  const ids = await office.fill();
  for (const theme of ["light", "dark"] as const) {
    const page = await office.visit("owner", { viewport: DESKTOP, colorScheme: theme });
    await page.goto(`${office.url}/`);
    await page.getByText("transfer_funds").first().waitFor();
    await page.getByText("to: dana@example.com").waitFor(); // of the last row, so all are there
    await page.screenshot({ path: join(TO, `waiting-${theme}.png`) });
    await page.goto(`${office.url}/requests/${ids.edit}`);
    await page.getByRole("heading", { name: "What runs" }).waitFor();
    await page.getByRole("button", { name: /^Approve/, disabled: false }).first().waitFor();
    await page.screenshot({ path: join(TO, `request-${theme}.png`) });
    await page.context().close();
  }
  const phone = await office.visit("owner", { viewport: PHONE, colorScheme: "light", deviceScaleFactor: 2, isMobile: true, hasTouch: true });
  await phone.goto(`${office.url}/requests/${ids.money}`);
  await phone.getByRole("heading", { name: "What runs" }).waitFor();
  await phone.screenshot({ path: join(TO, "request-phone.png") });
  await phone.context().close();
  await recordDecision(office, join(TO, "decision.gif"));
} finally {
  await office.close();
}
