import { z } from 'zod';
import type { EventContract, SampleContract } from './define';

/** What a producer in any language validates against, by the name that travels in `ce_dataschema`. */
export function jsonSchemaOf({ type, version, schema }: EventContract | SampleContract): Record<string, unknown> {
  const { $schema, ...rest } = z.toJSONSchema(schema);
  return { $schema, $id: schemaIdOf(type, version), ...rest };
}

export function schemaIdOf(type: string, version: number): string {
  return `urn:holdfast:schema:${type}:${version}`;
}
