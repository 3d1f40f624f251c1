import type { ClusterId } from '@holdfast/contracts';
import type { Tx } from '@holdfast/event-store';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import type { CheckpointTold } from './domain/checkpoints';

/** What was told of tasks since it was last written to the log: the newest of each. */
export class CheckpointRows1764115200300 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table task_checkpoint (
        cluster_id  text,
        task_id     text,
        node_id     text   not null,
        epoch       bigint not null,
        token       text,
        done_bytes  bigint not null,
        total_bytes bigint not null,
        primary key (cluster_id, task_id)
      );
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table task_checkpoint');
  }
}

export async function noteCheckpoint(tx: Tx, clusterId: ClusterId, told: CheckpointTold): Promise<void> {
  const { taskId, nodeId, epoch, token, doneBytes, totalBytes } = told;
  await tx.query(
    `insert into task_checkpoint values ($1, $2, $3, $4, $5, $6, $7)
     on conflict (cluster_id, task_id) do update
     set node_id = $3, epoch = $4, token = $5, done_bytes = $6, total_bytes = $7
     where task_checkpoint.epoch <= $4`,
    [clusterId, taskId, nodeId, epoch, token, doneBytes, totalBytes],
  );
}

/** At most as many as one event holds. */
export async function takeCheckpoints(tx: Tx, clusterId: ClusterId, atMost: number): Promise<CheckpointTold[]> {
  return tx.query<CheckpointTold>(
    `delete from task_checkpoint
     where (cluster_id, task_id) in (select cluster_id, task_id from task_checkpoint where cluster_id = $1 limit $2)
     returning task_id as "taskId", node_id as "nodeId", epoch::float8 as epoch, token,
       done_bytes::float8 as "doneBytes", total_bytes::float8 as "totalBytes"`,
    [clusterId, atMost],
  );
}
