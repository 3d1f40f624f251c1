/** How much the processes of the fleet shall say: as much as whoever started us asked for. */
export const LOG_LEVEL = process.env['HOLDFAST_LOG_LEVEL'];

// Imported first. Our own output is for a person: what a Kafka client says while new topics settle is not for them.
process.env['HOLDFAST_LOG_LEVEL'] ??= 'error';
