/** What to write into a client's configuration, as most of them read it. */

export function clientSnippet(addresses: readonly { readonly name: string; readonly url: string }[], needsKey: boolean): string {
  const headers = needsKey ? { headers: { Authorization: "Bearer KEY (countersign key add)" } } : {};
  const servers = Object.fromEntries(addresses.map(({ name, url }) => [name, { type: "http", url, ...headers }]));
  return JSON.stringify({ mcpServers: servers }, null, 2);
}
