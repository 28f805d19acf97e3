/** Half a minute of the inbox: a call arrives, is read, is approved, has run. Frames come from the browser itself; ffmpeg makes one picture of them. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import type { Locator, Page } from "playwright-core";
import type { Office } from "./office.ts";

const run = promisify(execFile);
const SIZE = { width: 1100, height: 720 };
const FRAMES_PER_SECOND = 8;
const SECONDS = 30;

export async function recordDecision(office: Office, path: string): Promise<void> {
  const page = await office.visit("owner", { viewport: SIZE, colorScheme: "light" });
  await page.goto(`${office.url}/`);
  await page.getByText("transfer_funds").first().waitFor();
  const folder = mkdtempSync(join(tmpdir(), "countersign-recording-"));
  const pointer = await drawPointer(page);
  const filmed = film(page, folder);
  try {
    await act(page, pointer, office);
  } finally {
    await filmed.end();
    await page.context().close();
  }
  await toGif(folder, path).finally(() => rmSync(folder, { recursive: true, force: true }));
}

async function act(page: Page, pointer: Pointer, office: Office): Promise<void> {
  await sleep(2_500);
  const running = office.agentWrites();
  const row = page.getByRole("link", { name: /write_file/ }).last();
  await page.getByText("5 calls waiting").waitFor();
  await sleep(3_000);
  await pointer.click(row);
  await page.getByRole("heading", { name: "What runs" }).waitFor();
  await sleep(5_500);
  await pointer.click(page.getByRole("button", { name: /^Approve/ }).first());
  await running;
  await page.getByText("The call ran.").waitFor();
  await sleep(4_500);
  await pointer.click(page.getByRole("link", { name: "History", exact: true }).first());
  await sleep(3_500);
}

/** A picture each eighth of a second, until it is ended or the time is over. */
function film(page: Page, folder: string): { end(): Promise<void> } {
  const over = new AbortController();
  const done = (async () => {
    const began = performance.now();
    for (let frame = 0; !over.signal.aborted && frame < SECONDS * FRAMES_PER_SECOND; frame++) {
      writeFileSync(join(folder, `${String(frame).padStart(4, "0")}.png`), await page.screenshot({ type: "png" }));
      await sleep(Math.max(0, began + ((frame + 1) * 1000) / FRAMES_PER_SECOND - performance.now()));
    }
  })();
  return {
    async end() {
      over.abort();
      await done;
    },
  };
}

interface Pointer {
  click(on: Locator): Promise<void>;
}

/** In the page, and so a text. */
const POINTER = `(left, top, isDown) => {
  let dot = document.getElementById("pointer");
  if (dot === null) {
    dot = document.createElement("div");
    dot.id = "pointer";
    dot.setAttribute("aria-hidden", "true");
    Object.assign(dot.style, { position: "fixed", width: "22px", height: "22px", marginLeft: "-11px", marginTop: "-11px", borderRadius: "50%", background: "rgba(220, 60, 60, 0.55)", pointerEvents: "none", zIndex: "9999" });
    document.documentElement.append(dot);
  }
  Object.assign(dot.style, { left: left + "px", top: top + "px", transform: isDown ? "scale(0.7)" : "scale(1)" });
}`;

/** A browser without a screen draws no pointer. */
async function drawPointer(page: Page): Promise<Pointer> {
  const place = (x: number, y: number, isDown: boolean): Promise<void> => page.evaluate(`(${POINTER})(${x}, ${y}, ${isDown})`);
  let at = { x: SIZE.width / 2, y: SIZE.height * 0.8 };
  await place(at.x, at.y, false);
  return {
    async click(on) {
      await on.scrollIntoViewIfNeeded();
      const box = await on.boundingBox();
      if (box === null) throw new Error("there is nothing to click on");
      const to = { x: box.x + Math.min(box.width / 2, 200), y: box.y + box.height / 2 };
      const from = at;
      for (let step = 1; step <= 12; step++) {
        await place(from.x + ((to.x - from.x) * step) / 12, from.y + ((to.y - from.y) * step) / 12, false);
        await sleep(60);
      }
      at = to;
      await place(to.x, to.y, true);
      await sleep(250);
      await on.click();
      await place(to.x, to.y, false);
    },
  };
}

async function toGif(folder: string, path: string): Promise<void> {
  const filter = "split[one][two];[one]palettegen=max_colors=96:stats_mode=full[palette];[two][palette]paletteuse=dither=none:diff_mode=rectangle";
  await run("ffmpeg", ["-y", "-loglevel", "error", "-framerate", String(FRAMES_PER_SECOND), "-i", join(folder, "%04d.png"), "-vf", filter, "-loop", "0", path]).catch((error: unknown) => {
    throw new Error("the recording needs ffmpeg (Debian: apt-get install ffmpeg)", { cause: error });
  });
}
