import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { runSql, startTestPostgres, type TestPostgres } from "./fixture/test-postgres.ts";
import { openPostgresStore } from "./postgres-store.ts";

let postgres: TestPostgres | { readonly missing: string };
beforeAll(async () => {
  postgres = await startTestPostgres();
});
afterAll(async () => {
  if (!("missing" in postgres)) await postgres.stop();
});

/** A way to a server that leaves out settings of a connection, as a pooler with `ignore_startup_parameters` does. */
async function forgetfulWay(socket: string, forgotten: string) {
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(socket);
    for (const one of [near, far]) sockets.add(one.on("error", () => one.destroy()));
    near.once("data", (first) => {
      // Length, version, then names and values, each ended by NUL, and one NUL more.
      const words = first.subarray(8).toString("latin1").split("\0");
      const kept = words.filter((word, index) => word !== forgotten && words[index - 1] !== forgotten).join("\0");
      const startup = Buffer.concat([Buffer.alloc(4), first.subarray(4, 8), Buffer.from(kept, "latin1")]);
      startup.writeInt32BE(startup.length);
      far.write(startup);
      near.pipe(far).pipe(near);
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port, // a TCP server has one
    async close() {
      for (const one of sockets) one.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

it("a database that cannot hold every text is refused before anything is written", async ({ skip }) => {
  if ("missing" in postgres) return skip(postgres.missing);
  const url = await postgres.createDatabase();
  await runSql(url, "create database countersign_latin encoding 'LATIN1' locale 'C' template template0");
  try {
    await expect(openPostgresStore({ url: url.replace(/\/countersign_test_[a-z0-9_]+/, "/countersign_latin") })).rejects.toMatchObject({ code: "store_unusable", message: expect.stringContaining("LATIN1") });
  } finally {
    await runSql(url, "drop database countersign_latin with (force)");
  }
  return undefined;
});

it.for(["statement_timeout", "idle_in_transaction_session_timeout"])("a way on which the server never hears of %s is refused: it would not free what an instance holds that is cut off", async (forgotten, { skip }) => {
  if ("missing" in postgres) return skip(postgres.missing);
  if (postgres.own === undefined) return skip("the server of COUNTERSIGN_TEST_POSTGRES_URL may be anywhere");
  const url = new URL((await postgres.createDatabase()).replace("@/", "@localhost/"));
  const ways = [await forgetfulWay(join(postgres.own.folder, ".s.PGSQL.5432"), forgotten), await forgetfulWay(join(postgres.own.folder, ".s.PGSQL.5432"), "nothing")] as const;
  const throughWay = ({ port }: { readonly port: number }) => openPostgresStore({ url: `postgres://countersign@127.0.0.1:${port}${url.pathname}` });
  try {
    await expect(throughWay(ways[0])).rejects.toMatchObject({ code: "store_unusable", message: expect.stringContaining(forgotten) });
    await (await throughWay(ways[1])).close();
  } finally {
    for (const way of ways) await way.close();
  }
  return undefined;
});
