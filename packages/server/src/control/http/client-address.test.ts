import { describe, expect, it } from "vitest";
import { clientAddress, describeAgent } from "./client-address.ts";

const PROXY = new Set(["10.0.0.1"]);

describe("where a request comes from", () => {
  it.each([
    ["the peer", "192.0.2.7", undefined, "192.0.2.7"],
    ["IPv4 in its IPv6 clothes", "::ffff:192.0.2.7", undefined, "192.0.2.7"],
    ["a stranger who claims another address", "192.0.2.7", "127.0.0.1", "192.0.2.7"],
    ["a trusted proxy's word", "10.0.0.1", "198.51.100.4", "198.51.100.4"],
    ["what the client wrote before the proxy's word", "10.0.0.1", "127.0.0.1, 198.51.100.4", "198.51.100.4"],
    ["no address from a trusted proxy", "::ffff:10.0.0.1", "unknown, _hidden", "10.0.0.1"],
  ])("%s", (_, peer, forwardedFor, address) => {
    expect(clientAddress(peer, forwardedFor, PROXY)).toBe(address);
  });

  it("what a browser says of itself is told in words of ours", () => {
    expect(describeAgent("Mozilla/5.0 (X11; Linux x64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36")).toBe("Chrome on Linux");
    expect(describeAgent("Mozilla/5.0 (Macintosh; Intel Mac OS X 15_0) Version/19.0 Safari/605.1")).toBe("Safari on macOS");
    expect(describeAgent('<img src=x onerror="alert(1)">')).toBe("unknown client");
    expect(describeAgent(undefined)).toBe("unknown client");
  });
});
