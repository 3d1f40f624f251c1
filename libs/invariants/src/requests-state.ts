import { requestContractOf, requests } from '@holdfast/contracts';
import type { Told } from './event';
import { plays } from './vocabulary';

const answerTypes = new Set(
  requests.flatMap(({ accepts, refuses }) => [...accepts, ...refuses].map(({ type }) => type)),
);

/** One request id, and how often each kind of answer was told under it. */
export interface RequestState {
  /** Null: an answer was heard, and no request yet. Between topics the feed's order proves nothing. */
  type: string | null;
  position: number;
  readonly answers: Map<string, number>;
}

/** Every request, with the answers that its contract names. */
export class RequestsState {
  readonly byId = new Map<string, RequestState>();

  /** `isEnd`: what reads like a refusal is how an accepted request ended. */
  advance(event: Told, isEnd: boolean): void {
    const { type, position } = event;
    const id = requestOf(event);
    if (plays(type, 'requested')) {
      Object.assign(this.of(id), { type, position });
    } else if (answerTypes.has(type) && !isEnd) {
      const { answers } = this.of(id);
      answers.set(type, (answers.get(type) ?? 0) + 1);
    }
  }

  private of(id: string): RequestState {
    const known = this.byId.get(id) ?? { type: null, position: 0, answers: new Map<string, number>() };
    this.byId.set(id, known);
    return known;
  }
}

/** What is wrong with how a request was answered, if anything is. */
export function wrongAnswer({ type, answers }: RequestState): string | null {
  const contract = type === null ? undefined : requestContractOf(type);
  if (!contract) return null;
  const told = (kinds: readonly { type: string }[]) => kinds.filter((kind) => answers.has(kind.type));
  if (told(contract.accepts).length > 0 && told(contract.refuses).length > 0) return `accepted and refused: ${type}`;
  const twice = [...contract.accepts, ...contract.refuses].find(
    (kind) => (answers.get(kind.type) ?? 0) > 1 && isDecidedOnce(kind.type),
  );
  return twice ? `answered twice by ${twice.type}: ${type}` : null;
}

/** An order may be told again, of another node: a decision may not. */
const isDecidedOnce = (type: string) => plays(type, 'accepted') || plays(type, 'refused');

function requestOf({ data, correlationId, id }: Told): string {
  return (data as { requestId?: string }).requestId ?? correlationId ?? id;
}
