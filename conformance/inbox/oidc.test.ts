// Signing in through an OpenID provider: a real browser, sent to a real provider and back.
import { chromium } from "playwright-core";
import type { Browser, Page } from "playwright-core";
import { afterEach, beforeEach, expect, it } from "vitest";
import { findChromium } from "../../test/needs.ts";
import { openPort } from "../control-plane/open-range.ts";
