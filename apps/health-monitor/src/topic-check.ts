import { topics } from '@holdfast/contracts';
import { FleetError } from '@holdfast/kernel';
import type { KafkaLink } from '@holdfast/messaging';
import { ConfigResourceTypes } from 'kafkajs';

const SETTING = 'message.timestamp.type';

/** Without the broker's own append times there is no clock that all can be judged by. */
export class TopicTimestampType extends FleetError {
  readonly code = 'TOPIC_TIMESTAMP_TYPE';
  readonly retryable = false;
  override readonly remedy: string;

  constructor(readonly details: { topic: string; found: string; brokers: string }) {
    super(`${details.topic} has ${SETTING}=${details.found}, needed is LogAppendTime`);
    const { topic, brokers } = details;
    this.remedy = `kafka-configs.sh --bootstrap-server ${brokers} --alter --entity-type topics --entity-name ${topic} --add-config ${SETTING}=LogAppendTime`;
  }
}

/** Refuses to start on samples that carry their senders' times. */
export async function requireLogAppendTime(kafka: KafkaLink): Promise<void> {
  const { name } = topics.samples;
  const { resources } = await kafka.admin((admin) =>
    admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: ConfigResourceTypes.TOPIC, name, configNames: [SETTING] }],
    }),
  );
  const found = resources[0]?.configEntries.find(({ configName }) => configName === SETTING)?.configValue ?? 'nothing';
  if (found !== 'LogAppendTime') throw new TopicTimestampType({ topic: name, found, brokers: kafka.brokers.join(',') });
}
