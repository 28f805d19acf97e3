// Runs before every test file: where COUNTERSIGN_SEED is set, as `npm test` does, properties draw from it; else each run draws anew.
// A property that fails says its seed and path in either case.
const given = process.env["COUNTERSIGN_SEED"];
if (given !== undefined) {
  const { configureGlobal } = await import("fast-check");
  configureGlobal({ seed: Number(given) });
}
