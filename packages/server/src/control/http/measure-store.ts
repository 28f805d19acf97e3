/** A store whose commits are counted and timed on their way. Changes nothing about them. */
import type { Store } from "../../store/store.ts";
import type { Metrics } from "../../metrics/metrics.ts";

const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5] as const;
const ROWS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024] as const;

export function measureStore(store: Store, metrics: Metrics): Store {
  const seconds = metrics.histogram("countersign_commit_seconds", "Seconds of a commit", SECONDS);
  const rows = metrics.histogram("countersign_commit_rows", "Rows of the record in one commit", ROWS);
  const results = metrics.counter("countersign_commits_total", "Commits by result");
  const errors = metrics.counter("countersign_store_errors_total", "Calls of the store that failed");

  async function watched<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      errors.add();
      throw error;
    }
  }

  const measured = (inner: Pick<Store, "commit">): Store["commit"] => async (set) => {
    const started = performance.now();
    const result = await watched(inner.commit(set));
    seconds.observe((performance.now() - started) / 1000);
    rows.observe(set.lines.length);
    results.add({ result: result.ok ? "done" : result.why });
    return result;
  };

  return {
    kind: store.kind,
    installationId: store.installationId,
    commit: measured(store),
    readHead: (tenant) => watched(store.readHead(tenant)),
    read: (tenant, keys, newsAfter) => watched(store.read(tenant, keys, newsAfter)),
    readTables: (tenant, tables) => watched(store.readTables(tenant, tables)),
    commitLoose: (tenant, changes) => watched(store.commitLoose(tenant, changes)),
    list: (tenant, query) => watched(store.list(tenant, query)),
    count: (tenant, table, where) => watched(store.count(tenant, table, where)),
    readRecord: (query) => watched(store.readRecord(query)),
    tallyCalls: (tenant, range) => watched(store.tallyCalls(tenant, range)),
    addCheckpoint: (tenant, checkpoint) => watched(store.addCheckpoint(tenant, checkpoint)),
    readCheckpoints: (tenant, range) => watched(store.readCheckpoints(tenant, range)),
    exclusively: (tenant, work) =>
      store.exclusively(tenant, (alone) =>
        work({
          readHead: (of) => alone.readHead(of),
          read: (of, keys, newsAfter) => alone.read(of, keys, newsAfter),
          readTables: (of, tables) => alone.readTables(of, tables),
          readRecord: (query) => alone.readRecord(query),
          commit: measured(alone),
        }),
      ),
    onHint: (listener) => store.onHint(listener),
    close: () => store.close(),
  };
}
