/** Builds the inbox into the server package, which ships and serves it. Run by tools/set-up.mjs when something it is made of has changed. */
import { fileURLToPath } from "node:url";
import { policyJsonSchema } from "@countersign/sdk/policy";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [react()],
  resolve: { alias: [{ find: /^zod$/, replacement: fileURLToPath(new URL("./src/api/no-eval.ts", import.meta.url)) }] },
  // For the policy editor: made by the SDK, where Node is.
  define: { __POLICY_SCHEMA__: JSON.stringify(policyJsonSchema()) },
  build: {
    outDir: "../server/dist/inbox",
    emptyOutDir: true,
    target: "es2023",
    // The page's policy allows no inline script, and `data:` for images alone.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
});
