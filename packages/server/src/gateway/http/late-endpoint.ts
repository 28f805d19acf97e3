/** An endpoint that is chosen with its first request, where choosing takes a look at the upstream first. A look that failed is taken again. */
import type { HttpEndpoint, HttpExchange, PostExchange } from "./http-endpoint.ts";

export class LateEndpoint implements HttpEndpoint {
  readonly #otherwise: HttpEndpoint;
  readonly #choose: () => Promise<HttpEndpoint | undefined>;
  #choosing: Promise<HttpEndpoint> | undefined;
  #chosen: HttpEndpoint | undefined;

  /** `choose`: undefined where it cannot be told; then `otherwise` serves this request, and the next one looks again. */
  constructor(otherwise: HttpEndpoint, choose: () => Promise<HttpEndpoint | undefined>) {
    this.#otherwise = otherwise;
    this.#choose = choose;
  }

  get sessions(): number {
    return (this.#chosen ?? this.#otherwise).sessions ?? 0;
  }

  async post(exchange: PostExchange): Promise<void> {
    await (this.#chosen ?? (await this.#endpoint())).post(exchange);
  }

  async get(exchange: HttpExchange): Promise<void> {
    await (this.#chosen ?? (await this.#endpoint())).get(exchange);
  }

  async delete(exchange: HttpExchange): Promise<void> {
    await (this.#chosen ?? (await this.#endpoint())).delete(exchange);
  }

  async drain(): Promise<void> {
    await Promise.all((await this.#all()).map((endpoint) => endpoint.drain()));
  }

  async close(): Promise<void> {
    await Promise.all((await this.#all()).map((endpoint) => endpoint.close()));
  }

  async #all(): Promise<readonly HttpEndpoint[]> {
    await this.#choosing?.catch(() => undefined);
    return [...new Set([this.#otherwise, ...(this.#chosen === undefined ? [] : [this.#chosen])])];
  }

  async #endpoint(): Promise<HttpEndpoint> {
    this.#choosing ??= this.#choose().then((found) => (this.#chosen = found) ?? this.#otherwise).finally(() => (this.#choosing = undefined));
    return this.#choosing;
  }
}
