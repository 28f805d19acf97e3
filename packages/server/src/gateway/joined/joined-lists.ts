/**
 * What the joined servers list, asked for a client, and whose a name or URI is. Owners are looked up in what the servers themselves listed;
 * no name is ever taken apart. A server that is slow to list keeps nobody waiting twice: what it listed last stands in, or nothing.
 */
import type { JsonObject } from "@countersign/sdk/call";
import { memberOf } from "../message/members.ts";
import { collectList, joinLists, LIST_KINDS, listedTwice, RESOURCES, TASKS, TEMPLATES, type ListedServer, type ListKind, type ServerList } from "./collect-lists.ts";
import { matchesTemplate, readTemplate, type UriTemplate } from "./uri-template.ts";

export interface JoinedListsOptions<S> {
  /** Those that are there. */
  readonly servers: () => readonly S[];
  /** Whether others are expected. */
  readonly isWhole: () => boolean;
  readonly listMs: number;
  /** A server that was left out has listed after all. */
  readonly onLate: (kind: ListKind) => void;
  readonly onWarning: (message: string) => void;
}

export type Owner<S> = { readonly kind: "one"; readonly server: S; /** The server's own name, or the URI. */ readonly own: string } | { readonly kind: "none" } | { readonly kind: "several"; readonly names: readonly string[] };

interface Known {
  readonly list: ServerList;
  /** By what clients know them by. */
  readonly owns: ReadonlyMap<string, string>;
  readonly templates: readonly UriTemplate[];
}

const LATE_MS = 60_000;
/** What nobody lists is looked for anew after so long. */
const AGAIN_MS = 1_000;
const MAX_WARNINGS = 1_000;

export class JoinedLists<S extends ListedServer> {
  readonly #options: JoinedListsOptions<S>;
  readonly #known = new Map<ListKind, WeakMap<S, Known>>(LIST_KINDS.map((kind) => [kind, new WeakMap()]));
  /** Lists that are still waited for, though no client waits. */
  readonly #late = new Map<ListKind, WeakSet<S>>(LIST_KINDS.map((kind) => [kind, new WeakSet()]));
  readonly #looking = new Map<ListKind, Promise<void>>();
  readonly #lookedAt = new Map<ListKind, number>();
  readonly #warned = new Set<string>();

  constructor(options: JoinedListsOptions<S>) {
    this.#options = options;
  }

  /** The result, as JSON. `params`: the client's, without a cursor. */
  async list(kind: ListKind, params: JsonObject, modern: boolean): Promise<string> {
    const { servers, isWhole } = this.#options;
    const asked = servers().filter((server) => hasLists(server, kind));
    const lists = (await Promise.all(asked.map((server) => this.#listOf(server, kind, params)))).filter((list) => list !== undefined);
    const twice = kind.isNamed ? new Map<string, readonly string[]>() : listedTwice(lists);
    for (const [own, names] of twice) this.#warn(`${names.join(" and ")} both list ${JSON.stringify(own.slice(0, 200))}: it is left out where servers are joined, and is there at ${names.map((name) => `/${encodeURIComponent(name)}/mcp`).join(" and ")}`);
    return joinLists(kind, lists, modern, isWhole() && lists.length === asked.length, new Set(twice.keys()));
  }

  /** Whose the name is that a client uses. `params`: what it says of itself. */
  async ownerOfName(kind: ListKind, shown: string, params: JsonObject): Promise<Owner<S>> {
    const found = this.#owners(kind, shown);
    return one(found.length > 0 ? found : await this.#lookAgain([kind], params, () => this.#owners(kind, shown)), shown);
  }

  /** Who lists the URI; where nobody does, whose template it is of. A template itself is a URI here too. */
  async ownerOfUri(uri: string, params: JsonObject): Promise<Owner<S>> {
    const exact = (): readonly Owned<S>[] => [...this.#owners(RESOURCES, uri), ...this.#owners(TEMPLATES, uri)];
    const found = exact();
    if (found.length > 0) return one(found, uri);
    const listed = await this.#lookAgain([RESOURCES, TEMPLATES], params, exact);
    return one(listed.length > 0 ? listed : this.#matching(uri), uri);
  }

  /** Whether the URI is known to be another server's and not this one's. */
  isOthers(server: S, uri: string): boolean {
    const owners = [...this.#owners(RESOURCES, uri), ...this.#owners(TEMPLATES, uri)];
    const all = owners.length > 0 ? owners : this.#matching(uri);
    return all.length > 0 && all.every((one) => one.server !== server);
  }

  /** A server said that its list is another now. */
  changed(method: string): void {
    for (const kind of LIST_KINDS) if (kind.changed === method) this.#lookedAt.delete(kind);
  }

  #owners(kind: ListKind, shown: string): readonly Owned<S>[] {
    const known = this.#known.get(kind);
    return this.#options.servers().flatMap((server) => {
      const own = known?.get(server)?.owns.get(shown);
      return own === undefined ? [] : [{ server, own }];
    });
  }

  #matching(uri: string): readonly Owned<S>[] {
    const known = this.#known.get(TEMPLATES);
    return this.#options.servers().filter((server) => known?.get(server)?.templates.some((template) => matchesTemplate(template, uri)) === true).map((server) => ({ server, own: uri }));
  }

  async #lookAgain(kinds: readonly ListKind[], params: JsonObject, find: () => readonly Owned<S>[]): Promise<readonly Owned<S>[]> {
    await Promise.all(
      kinds.map((kind) => {
        const at = this.#lookedAt.get(kind);
        if (at !== undefined && performance.now() - at < AGAIN_MS) return this.#looking.get(kind);
        const looking = this.#looking.get(kind) ?? this.#look(kind, params).finally(() => this.#looking.delete(kind));
        this.#looking.set(kind, looking);
        return looking;
      }),
    );
    return find();
  }

  async #look(kind: ListKind, params: JsonObject): Promise<void> {
    const asked = this.#options.servers().filter((server) => hasLists(server, kind));
    await Promise.all(asked.map((server) => this.#listOf(server, kind, params)));
    this.#lookedAt.set(kind, performance.now());
  }

  async #listOf(server: S, kind: ListKind, params: JsonObject): Promise<ServerList | undefined> {
    const { listMs } = this.#options;
    const known = this.#known.get(kind);
    const late = this.#late.get(kind);
    const before = (): ServerList | undefined => (kind === TASKS ? undefined : known?.get(server)?.list);
    if (late?.has(server) === true) return before();
    const list = await this.#collect(server, kind, params, listMs);
    if (list !== undefined) return list;
    if (kind === TASKS || late === undefined || before() !== undefined) return before();
    this.#warn(`${server.name} did not list its ${kind.member} within ${listMs / 1_000} s; they are missing until it does`);
    late.add(server);
    void this.#collect(server, kind, params, LATE_MS).then((came) => {
      late.delete(server);
      if (came !== undefined && this.#options.servers().includes(server)) this.#options.onLate(kind);
    });
    return undefined;
  }

  async #collect(server: S, kind: ListKind, params: JsonObject, withinMs: number): Promise<ServerList | undefined> {
    const list = await collectList(server, kind, params, withinMs, (message) => this.#warn(message));
    if (list === undefined || kind === TASKS) return list;
    const owns = new Map(list.items.map(({ shown, own }) => [shown, own]));
    const templates = kind === TEMPLATES ? list.items.map(({ own }) => readTemplate(own)).filter((template) => template !== undefined) : [];
    this.#known.get(kind)?.set(server, { list, owns, templates });
    return list;
  }

  /** Once. */
  #warn(message: string): void {
    if (this.#warned.has(message) || this.#warned.size >= MAX_WARNINGS) return;
    this.#warned.add(message);
    this.#options.onWarning(message);
  }
}

interface Owned<S> {
  readonly server: S;
  readonly own: string;
}

function one<S extends ListedServer>(found: readonly Owned<S>[], shown: string): Owner<S> {
  const servers = [...new Set(found.map(({ server }) => server))];
  const [first] = found;
  if (first === undefined) return { kind: "none" };
  if (servers.length > 1) return { kind: "several", names: servers.map(({ name }) => name) };
  return { kind: "one", server: first.server, own: first.own ?? shown };
}

function hasLists({ capabilities }: ListedServer, { capability, method }: ListKind): boolean {
  const declared = memberOf(capabilities, capability);
  return declared !== undefined && (method !== TASKS.method || memberOf(declared, "list") !== undefined);
}
