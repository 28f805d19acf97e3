/**
 * Test tools that live beside the code of a package: a real PostgreSQL, an authenticator in software, a real OpenID provider.
 * Outside of this project, so they are loaded by their place and said here as far as they are used.
 */
export interface Authenticator {
  create(options: object): object;
  get(options: object): object;
}

export interface Provider {
  readonly issuer: string;
  /** Follows a sign-in's address as a browser of this account, and answers the address it is sent back to. */
  visit(url: string, account: string): Promise<string>;
  /** Whose browser comes next. */
  expect(account: string): void;
  close(): Promise<void>;
}

export interface Postgres {
  createDatabase(): Promise<string>;
  readonly own: { readonly folder: string } | undefined;
  stop(): Promise<void>;
}

interface Tools {
  readonly SoftwareAuthenticator: new (origin: string) => Authenticator;
  readonly openProvider: (redirectUri: string, accounts: Readonly<Record<string, object>>) => Promise<Provider>;
  readonly CLIENT: { readonly clientId: string; readonly clientSecret: string };
  readonly startTestPostgres: () => Promise<Postgres | { readonly missing: string }>;
  readonly dumpDatabase: (url: string) => Promise<ReadonlyMap<string, readonly string[]>>;
}

const SOURCE = new URL("../../packages/server/src/", import.meta.url);

async function load(path: string): Promise<Partial<Tools>> {
  return (await import(new URL(path, SOURCE).href)) as Partial<Tools>; // what these files export is said above
}

function there<T>(tool: T | undefined): T {
  if (tool === undefined) throw new TypeError("a test tool is not where it was");
  return tool;
}

export async function newAuthenticator(origin: string): Promise<Authenticator> {
  const Authenticator = there((await load("auth/fixture/software-authenticator.ts")).SoftwareAuthenticator);
  return new Authenticator(origin);
}

/** With what `countersign up` is told about it. */
export async function startProvider(redirectUri: string, accounts: Readonly<Record<string, object>>): Promise<{ readonly provider: Provider; readonly env: NodeJS.ProcessEnv }> {
  const { openProvider, CLIENT } = await load("auth/fixture/open-provider.ts");
  const provider = await there(openProvider)(redirectUri, accounts);
  const { clientId, clientSecret } = there(CLIENT);
  return { provider, env: { COUNTERSIGN_OIDC_ISSUER: provider.issuer, COUNTERSIGN_OIDC_CLIENT_ID: clientId, COUNTERSIGN_OIDC_CLIENT_SECRET: clientSecret, COUNTERSIGN_OIDC_DOMAINS: "example.org" } };
}

export async function startPostgres(): Promise<Postgres | { readonly missing: string }> {
  return there((await load("store/fixture/test-postgres.ts")).startTestPostgres)();
}

/** Every row of every table as text. */
export async function dumpPostgres(url: string): Promise<ReadonlyMap<string, readonly string[]>> {
  return there((await load("store/fixture/test-postgres.ts")).dumpDatabase)(url);
}
