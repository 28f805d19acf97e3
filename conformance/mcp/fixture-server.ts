/** The server of fixture/, as a process of its own. */
import { fileURLToPath } from "node:url";
import { startHttpProgram, type HttpProgram } from "../gateway/http-gateway.ts";

const programOf = (name: string): readonly string[] => [process.execPath, fileURLToPath(new URL(`fixture/${name}.ts`, import.meta.url))];

export const FIXTURE_STDIO = programOf("serve-stdio");
export const startFixtureHttp = (): Promise<HttpProgram> => startHttpProgram(programOf("serve-http"));
