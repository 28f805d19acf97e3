/** `path` of the program; where it is undefined, `missing` says what was looked for and what to do. */
export interface Found {
    readonly path: string | undefined;
    readonly missing: string;
}
/** Chromium or Chrome: COUNTERSIGN_TEST_CHROMIUM if set, else the usual names on PATH. */
export declare function findChromium(env?: NodeJS.ProcessEnv): Found;
/** A program of this name on PATH, such as `tmux`. */
export declare function findProgram(name: string, env?: NodeJS.ProcessEnv): Found;
//# sourceMappingURL=needs.d.ts.map