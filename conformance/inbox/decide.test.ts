// People decide in the inbox: the stories of a decision, in a real browser over a real control plane.
import { describe, expect, it } from "vitest";
import { openRequest, stateOf, useInbox } from "./inbox-stage.ts";

const at = useInbox();

describe("deciding in the inbox", () => {
  it("a call appears without a reload, is opened, approved, and gone from the list", async () => {
    const page = await at.stage.signIn(await at.stage.ownerLink());
    await page.getByText("Nothing is waiting").waitFor();
    const asked = await at.stage.ask(at.key, { path: "/tmp/a", content: "hello" });
    await page.getByRole("link", { name: /write_file/ }).click();
    await page.getByRole("button", { name: "Approve" }).click();
    await page.getByText("The agent may run exactly this call, once.").waitFor();
    expect(await stateOf(at.stage, asked.id)).toBe("approved");
    await page.getByRole("link", { name: "Waiting", exact: true }).first().click();
    await page.getByText("Nothing is waiting").waitFor();
  });

  it("a quorum of two: the first yes leaves it waiting, the second person sees how far it is and completes it", async () => {
    const ann = await at.stage.signIn(await at.stage.invite("Ann", ["approver"]));
    const bob = await at.stage.signIn(await at.stage.invite("Bob", ["approver"]));
    const asked = await at.stage.ask(at.key, { sql: "delete from sessions" }, { server: "postgres", tool: "execute" });
    await openRequest(ann, at.stage, asked.id);
    await openRequest(bob, at.stage, asked.id);
    await ann.getByRole("button", { name: "Approve" }).click();
    await ann.getByText("You approved").waitFor();
    expect(await stateOf(at.stage, asked.id)).toBe("pending");
    // Bob looked all the while: his page tells it.
    await bob.getByRole("img", { name: "1 of 2 approvals" }).waitFor();
    await bob.getByText("ann@example.com approved").waitFor();
    await bob.getByRole("button", { name: "Approve" }).click();
    await bob.getByText("The agent may run exactly this call, once.").waitFor();
    await ann.getByText("The agent may run exactly this call, once.").waitFor();
    expect(await stateOf(at.stage, asked.id)).toBe("approved");
  });

  it("time that runs out while somebody looks: the page says so, and nothing can be approved any more", async () => {
    // No policy gives this call a time, so the caller's own counts.
    await at.stage.plane.activate("version: 1\ndefault: block\npolicies: []\n");
    const page = await at.stage.signIn(await at.stage.ownerLink());
    const asked = await at.stage.ask(at.key, { path: "/tmp/a" }, { timeoutMs: 6000 });
    await openRequest(page, at.stage, asked.id);
    await page.getByRole("button", { name: "Approve" }).waitFor();
    await page.getByText("Its time is over. It did not run.").waitFor({ timeout: 9000 });
    expect(await page.getByRole("button", { name: "Approve" }).count()).toBe(0);
    await expect.poll(() => stateOf(at.stage, asked.id)).toBe("expired");
  });

  it("a second tab learns what the first one decided", async () => {
    const first = await at.stage.signIn(await at.stage.ownerLink());
    const asked = await at.stage.ask(at.key, { path: "/tmp/a" });
    const second = await first.context().newPage();
    await openRequest(first, at.stage, asked.id);
    await openRequest(second, at.stage, asked.id);
    await first.getByRole("button", { name: "Deny…" }).click();
    await first.getByLabel("Reason").fill("not today");
    await first.getByRole("button", { name: "Deny", exact: true }).click();
    await second.getByText("It did not run.").waitFor();
    await second.getByText("not today").first().waitFor();
    expect(await second.getByRole("button", { name: "Approve" }).count()).toBe(0);
  });

  it("a vote on what another has ended meanwhile is refused, and the page shows what is", async () => {
    const page = await at.stage.signIn(await at.stage.ownerLink());
    const asked = await at.stage.ask(at.key, { path: "/tmp/a" });
    await openRequest(page, at.stage, asked.id);
    await page.getByRole("button", { name: "Approve" }).waitFor();
    // Nothing gets through to the page: neither the stream nor a look.
    await page.route("**/v1/approvals/*", (route) => (route.request().method() === "GET" ? route.abort() : route.continue()));
    await at.stage.plane.owner.send("POST", `/v1/approvals/${asked.id}/vote`, { choice: "deny", requestDigest: asked.requestDigest, viewedDigest: null, reason: "", grant: null });
    await page.getByRole("button", { name: "Approve" }).click();
    await page.getByText("Not decided").waitFor();
    expect(await stateOf(at.stage, asked.id)).toBe("denied");
    at.stage.complaints.length = 0; // the browser's own words about what was aborted and refused
  });

  it("identical calls of two agents are one row that says so; each is still decided by itself", async () => {
    const other = await at.stage.plane.makeKey("other");
    const page = await at.stage.signIn(await at.stage.ownerLink());
    const [one, two] = [await at.stage.ask(at.key, { path: "/tmp/a" }), await at.stage.ask(other, { path: "/tmp/a" }, { agent: "helper" })];
    await page.getByText("×2 identical").waitFor();
    expect(await page.getByRole("listitem").filter({ hasText: "write_file" }).count()).toBe(1);
    await page.getByRole("checkbox", { name: /Select/ }).check();
    await page.getByText("2 calls selected").waitFor();
    await page.getByRole("button", { name: "Deny…" }).click();
    await page.getByLabel("Reason, which the agents read").fill("use the queue");
    await page.getByRole("button", { name: "Deny 2 calls" }).click();
    await page.getByText("Nothing is waiting").waitFor();
    expect([await stateOf(at.stage, one.id), await stateOf(at.stage, two.id)]).toEqual(["denied", "denied"]);
  });

  it("several are approved at once only where each was shown in full, there, and each vote carries the digest of its own view", async () => {
    const page = await at.stage.signIn(await at.stage.ownerLink());
    const long = `${Array.from({ length: 400 }, (_, index) => `line ${index}`).join("\n")}\nrm -rf /`;
    const asked = [await at.stage.ask(at.key, { path: "/tmp/a" }), await at.stage.ask(at.key, { path: "/tmp/b", content: long })];
    await page.getByRole("listitem").filter({ hasText: "write_file" }).nth(1).waitFor();
    for (const box of await page.getByRole("checkbox", { name: /Select/ }).all()) await box.check();
    await page.getByRole("button", { name: "Approve…" }).click();
    const dialog = page.getByRole("dialog", { name: "Approve 2 calls" });
    await dialog.getByText('"/tmp/a"').waitFor();
    // Who asks is whose key it is; the name beside it is what an agent calls itself.
    expect(await dialog.getByText(/^key:[0-9a-v]{26}$/).count()).toBe(2);
    expect(await dialog.getByText("claim", { exact: true }).count()).toBe(2);
    const approve = dialog.getByRole("button", { name: "Approve 2 calls" });
    await dialog.getByText("not shown to the end yet").waitFor();
    expect(await approve.getAttribute("aria-disabled")).toBe("true");
    for (const show of await dialog.getByRole("button", { name: "Show", exact: true }).all()) await show.click();
    await dialog.getByText("rm -rf /").waitFor();
    await expect.poll(() => approve.getAttribute("aria-disabled")).toBe("false");
    await approve.click();
    await page.getByText("Nothing is waiting").waitFor();
    for (const { id } of asked) expect(await stateOf(at.stage, id)).toBe("approved");
    const { rows } = await at.stage.plane.owner.send<{ rows: readonly string[] }>("GET", "/v1/record?event=vote_cast");
    const digests = rows.map((row) => (JSON.parse(row) as { detail: { viewedDigest: string | null } }).detail.viewedDigest);
    expect([digests.length, new Set(digests).size, digests.includes(null)]).toEqual([2, 2, false]);
  });

  it("a batch whose page claims to have shown more than it did: the control plane refuses that one, and the others stand", async () => {
    const page = await at.stage.signIn(await at.stage.ownerLink());
    const [short, long] = [await at.stage.ask(at.key, { path: "/tmp/a" }), await at.stage.ask(at.key, { path: "/tmp/b", content: "x".repeat(6_000) })];
    await page.getByRole("listitem").filter({ hasText: "write_file" }).nth(1).waitFor();
    for (const box of await page.getByRole("checkbox", { name: /Select/ }).all()) await box.check();
    await page.getByRole("button", { name: "Approve…" }).click();
    const dialog = page.getByRole("dialog", { name: "Approve 2 calls" });
    await dialog.getByText('"/tmp/a"').waitFor();
    for (const show of await dialog.getByRole("button", { name: "Show", exact: true }).all()) await show.click();
    const approve = dialog.getByRole("button", { name: "Approve 2 calls" });
    await expect.poll(() => approve.getAttribute("aria-disabled")).toBe("false");
    await page.route(`**/v1/approvals/${long.id}/vote`, (route) => route.continue({ postData: JSON.stringify({ ...(route.request().postDataJSON() as object), viewedDigest: null }) }));
    await approve.click();
    await dialog.getByText("1 call of 2 could not be decided").waitFor();
    await dialog.getByText("The whole call has to be shown before it can be approved.").waitFor();
    expect([await stateOf(at.stage, short.id), await stateOf(at.stage, long.id)]).toEqual(["approved", "pending"]);
    at.stage.complaints.length = 0; // the browser's own words about the refusal
  });

  it("a batch that others decide meanwhile stays and tells each refusal, and nothing chosen later comes into it", async () => {
    const page = await at.stage.signIn(await at.stage.ownerLink());
    const asked = [await at.stage.ask(at.key, { path: "/tmp/a" }), await at.stage.ask(at.key, { path: "/tmp/b" })];
    await page.getByRole("listitem").filter({ hasText: "write_file" }).nth(1).waitFor();
    for (const box of await page.getByRole("checkbox", { name: /Select/ }).all()) await box.check();
    await page.getByRole("button", { name: "Deny…" }).click();
    const dialog = page.getByRole("dialog", { name: "Deny 2 calls" });
    await dialog.waitFor();
    for (const { id, requestDigest } of asked) await at.stage.plane.owner.send("POST", `/v1/approvals/${id}/vote`, { choice: "approve", requestDigest, viewedDigest: null, reason: "", grant: null });
    await page.getByText("Nothing is waiting").waitFor({ state: "attached" });
    await dialog.getByRole("button", { name: "Deny 2 calls" }).click();
    await dialog.getByText("2 calls of 2 could not be decided").waitFor();
    await dialog.getByRole("button", { name: "Close" }).last().click();
    await at.stage.ask(at.key, { path: "/tmp/c" });
    await page.getByRole("checkbox", { name: /Select/ }).check();
    await page.getByText("1 call selected").waitFor();
    expect(await page.getByRole("dialog").count()).toBe(0);
    at.stage.complaints.length = 0; // the browser's own words about the refusals
  });

  it("whoever leaves a batch while it is decided leaves the rest undecided", async () => {
    const page = await at.stage.signIn(await at.stage.ownerLink());
    const asked = [await at.stage.ask(at.key, { path: "/tmp/a" }), await at.stage.ask(at.key, { path: "/tmp/b" })];
    await page.getByRole("listitem").filter({ hasText: "write_file" }).nth(1).waitFor();
    for (const box of await page.getByRole("checkbox", { name: /Select/ }).all()) await box.check();
    const { promise: isHeld, resolve: held } = Promise.withResolvers<void>();
    const { promise: mayGo, resolve: go } = Promise.withResolvers<void>();
    let votes = 0;
    await page.route("**/vote", async (route) => {
      votes += 1;
      held();
      await mayGo;
      await route.continue();
    });
    await page.getByRole("button", { name: "Approve…" }).click();
    const approve = page.getByRole("dialog").getByRole("button", { name: "Approve 2 calls" });
    await expect.poll(() => approve.getAttribute("aria-disabled")).toBe("false");
    await approve.click();
    await isHeld;
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    go();
    const states = () => Promise.all(asked.map(({ id }) => stateOf(at.stage, id)));
    await expect.poll(states).toContain("approved");
    await at.stage.ask(at.key, { path: "/tmp/c" });
    await page.getByText("2 calls waiting").waitFor();
    expect([votes, (await states()).toSorted()]).toEqual([1, ["approved", "pending"]]);
  });

  it("a grant beside the yes says what it would have covered, and the next call like it asks nobody", async () => {
    const page = await at.stage.signIn(await at.stage.ownerLink());
    await at.stage.ask(at.key, { path: "/tmp/past", content: "x" });
    const asked = await at.stage.ask(at.key, { path: "/tmp/a", content: "x" });
    await openRequest(page, at.stage, asked.id);
    await page.getByLabel("Calls like it for 30 minutes").check();
    await page.getByLabel("path may vary").check();
    await page.getByText(/it would have covered 2 of 2 held calls/).waitFor();
    await page.getByRole("button", { name: "Approve, and for 30 minutes" }).click();
    await page.getByText("The agent may run exactly this call, once.").waitFor();
    expect(await at.stage.ask(at.key, { path: "/tmp/other", content: "x" })).toMatchObject({ state: "approved" });
    expect(await at.stage.ask(at.key, { path: "/tmp/other", content: "y" })).toMatchObject({ state: "pending" });
  });

  it("where a policy asks for a passkey, a passkey signs this very request, and a reason is given", async () => {
    const page = await at.stage.signIn(await at.stage.ownerLink());
    const devtools = await page.context().newCDPSession(page);
    await devtools.send("WebAuthn.enable");
    await devtools.send("WebAuthn.addVirtualAuthenticator", { options: { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true } });
    await page.goto(`${at.stage.url}/account`);
    await page.getByRole("button", { name: "Add a passkey" }).click();
    await page.getByText("The passkey was added.").waitFor();
    const asked = await at.stage.ask(at.key, { amount: 12.5, to: "DE89" }, { server: "payments", tool: "transfer" });
    await openRequest(page, at.stage, asked.id);
    const approve = page.getByRole("button", { name: "Approve with passkey" });
    expect(await approve.getAttribute("aria-disabled")).toBe("true");
    await page.getByLabel("Reason (asked for)").fill("invoice 118");
    await approve.click();
    await page.getByText("The agent may run exactly this call, once.").waitFor();
    const { votes } = await at.stage.plane.owner.send<{ votes: readonly object[] }>("GET", `/v1/approvals/${asked.id}`);
    expect(votes).toMatchObject([{ choice: "approve", assurance: "passkey", reason: "invoice 118" }]);
  });

  it("a decided call has a permalink with its story in the record", async () => {
    const page = await at.stage.signIn(await at.stage.ownerLink());
    const asked = await at.stage.ask(at.key, { path: "/tmp/a" });
    await at.stage.plane.owner.send("POST", `/v1/approvals/${asked.id}/vote`, { choice: "deny", requestDigest: asked.requestDigest, viewedDigest: null, reason: "ask Ann", grant: null });
    await page.getByRole("link", { name: "History" }).click();
    await page.getByRole("link", { name: /Denied/ }).click();
    await page.getByText("Held, and people were asked").waitFor();
    await page.getByText(/No by Owner/).waitFor();
    expect(await page.getByText(/^row \d+/).count()).toBeGreaterThanOrEqual(3);
    expect(new URL(page.url()).pathname).toBe(`/requests/${asked.id}`);
  });
});
