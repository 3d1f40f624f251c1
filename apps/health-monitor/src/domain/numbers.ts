/** Agents beat once a second; the letter η of the page. */
export const HEARTBEAT_MS = 1_000;
/** The observer's own beat through every partition: it adds at most this to a detection. */
export const CANARY_MS = 250;
/** How much of the log the observer remembers, and reads again after a restart. */
export const MEMORY_MS = 60_000;
/** Records of one partition further apart than this are a gap: the log stood still, or its clock stepped. */
export const GAP_MS = 1_000;
/**
 * After a gap every live node's beat comes within one heartbeat, and is read at the latest with the next canary.
 * Without that canary's grace, a broker's clock stepping forward would find the node with the latest phase silent.
 */
export const SETTLE_MS = HEARTBEAT_MS + CANARY_MS;
/** Eight canaries missed. */
export const BLIND_MS = 2_000;
/** Verdicts this close together have one cause. */
export const ONE_CAUSE_MS = 6_000;
/** A frozen cluster thaws after this long with hardly anybody late. */
export const THAW_AFTER_MS = 30_000;
export const WATCHDOG_GRACE_MS = 10_000;
export const ISOLATION_GONE_MS = 3_000;
/** Since when an impaired or partitioned node has neither trouble, before it opens again. */
export const TROUBLE_GONE_MS = 60_000;
/** Peers that must fail to reach a beating node, where it has as many. */
export const PEERS_TO_PARTITION = 2;
/** Unreached for 3 of 5 s: one lost probe more or less changes nothing. */
export const UNREACHED_MS = 3_000;
export const UNREACHED_WINDOW_MS = 5_000;
export const LONGEST_MAINTENANCE_MS = 24 * 3_600_000;
/** After a first "down" nothing comes home for a minute; each further one within the hour doubles it, up to an hour. */
export const FIRST_HOLD_MS = 60_000;
export const LONGEST_HOLD_MS = 3_600_000;
export const DOWNS_COUNT_MS = 3_600_000;
/** The seventh reaches the longest hold. */
export const DOWNS_REMEMBERED = 7;
/** An attestation that a node is off is contradicted by a beat younger than this. */
export const ATTESTATION_MS = 3_000;
export const MAX_SAMPLE_BYTES = 64 * 1_024;
export const MAX_SAMPLES_PER_SEC = 200;
/** Beats in a row that bring a node back from down. */
export const BEATS_TO_RETURN = 3;
export const PROBERS_PER_NODE = 3;
