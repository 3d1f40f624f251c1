import type { PointRefused, EventOf } from '@holdfast/contracts';
import { serveTaskOf, type SystemId } from '@holdfast/contracts';
import { ChainLocked, Superseded } from './errors';
import type { Cause, Facts } from './facts';
import type { Held } from './held';
import type { Journal } from './journal';
import { refusalOf } from './refusal';
import type { Serving } from './serving';

/** Freeze a point of a system that is served here at this epoch, and pin it for the task. */
interface PointOrder {
  taskId: string;
  systemId: string;
  pointId: string;
  epoch: number;
}

interface PointsParts {
  serving: Serving;
  journal: Journal;
  facts: Facts;
}

type RefusalCode = EventOf<typeof PointRefused>['data']['code'];

/** Orders about points, carried out by the node that serves the system. Every order is answered. */
export class Points {
  constructor(private readonly parts: PointsParts) {}

  async order(order: PointOrder, cause?: Cause): Promise<void> {
    const { taskId, systemId, pointId, epoch } = order;
    const { facts, serving } = this.parts;
    const held = serving.held().find((one) => one.order.systemId === systemId);
    const refusal = this.refusalOf(order, held);
    if (refusal || !held) return this.refuse(order, { code: refusal ?? 'NOT_SERVED' }, cause);
    try {
      const frozen = await held.layers.freeze({ pointId, by: taskId });
      await facts.tell({ type: 'PointFrozen', data: { taskId, systemId, epoch, pointId, ...frozen } }, cause);
    } catch (error) {
      await this.refuse(order, { code: codeOf(error), message: String(error) }, cause);
    }
  }

  /** The task is over. Whatever it pinned of what is served here may be folded. */
  over(taskId: string): void {
    this.parts.serving.unpin(taskId);
  }

  /** Lower than known: of an owner that was passed, or very late. */
  private refusalOf({ systemId, epoch }: PointOrder, held: Held | undefined): RefusalCode | undefined {
    const known = this.parts.journal.state.epochs.get(serveTaskOf(systemId as SystemId)) ?? 0;
    if (epoch < known) return 'STALE_EPOCH';
    return held?.order.epoch === epoch ? undefined : 'NOT_SERVED';
  }

  private async refuse(
    { taskId, systemId, epoch, pointId }: PointOrder,
    refusal: { code: RefusalCode; message?: string },
    cause?: Cause,
  ): Promise<void> {
    const data = { taskId, systemId, epoch, pointId, ...refusal };
    await this.parts.facts.tell({ type: 'PointRefused', data }, cause);
  }
}

function codeOf(error: unknown): RefusalCode {
  if (error instanceof ChainLocked) return error.code;
  if (error instanceof Superseded) return 'NOT_SERVED';
  const { code } = refusalOf(error);
  switch (code) {
    case 'NO_SPACE':
    case 'MEDIUM_INVALID':
    case 'STALE_EPOCH':
      return code;
    case 'SYSTEM_RELEASED':
      return 'STALE_EPOCH';
    default:
      return 'ENGINE_DOWN';
  }
}
