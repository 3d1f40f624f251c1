import { Api } from './api';
import { asOfQuery, type AsOfQuery } from './as-of';
import { gatewayOf, type CommonOptions } from './settings';
import type { World } from './world';

/** One run of one verb: the world, the common options, and the gateway, reached at the first question. */
export class Session {
  #api: Api | undefined;
  readonly #said = new Set<string>();

  constructor(
    readonly world: World,
    readonly options: CommonOptions,
  ) {}

  get api(): Api {
    this.#api ??= new Api(this.world, gatewayOf(this.world, this.options), this.options.showRequest === true);
    return this.#api;
  }

  /** The time of which it asks. */
  get past(): AsOfQuery {
    return asOfQuery(this.world, this.options.asOf);
  }

  get asJson(): boolean {
    return this.options.output === 'json';
  }

  line(text: string): void {
    this.world.out(`${text}\n`);
  }

  note(text: string): void {
    this.world.err(`${text}\n`);
  }

  /** What would be said at every look. */
  noteOnce(text: string): void {
    if (!this.#said.has(text)) this.note(text);
    this.#said.add(text);
  }

  /** One whole value: alone on stdout. */
  json(value: unknown): void {
    this.line(JSON.stringify(value, null, 2));
  }

  /** One value of many: NDJSON. */
  jsonLine(value: unknown): void {
    this.line(JSON.stringify(value));
  }
}
