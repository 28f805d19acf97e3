/** Imported before any schema: the page's policy allows no code from strings, and the schemas would try it out and be reported. */
import { config } from "zod";

config({ jitless: true });
