import { expect, it } from "vitest";
import { serverEnvironment } from "./server-environment.ts";

it("a server gets what every program needs and what the file sets, and no secret of another", () => {
  const own = { PATH: "/bin", HOME: "/home/me", GITHUB_TOKEN: "secret", COUNTERSIGN_API_KEY: "csk_1", NODE_OPTIONS: "--inspect" };
  expect(serverEnvironment(own, { LOG: "1", PATH: "/mine" })).toEqual({ PATH: "/mine", HOME: "/home/me", LOG: "1" });
});
