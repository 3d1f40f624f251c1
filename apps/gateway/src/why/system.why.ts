import type { SystemStanding } from '../views/system.view';
import { clock, type Why } from './why';

/** The story of its serve task, under a headline that says what clients of the system notice now, and the way on. */
export function whySystem(story: Why, standing: SystemStanding): Why {
  const headline = headlineOf(standing);
  const remedy = standing.remedy === null ? [] : [{ label: 'remedy', text: standing.remedy }];
  if (headline === undefined) return { ...story, lines: [...story.lines, ...remedy] };
  return { ...story, headline, lines: [{ label: 'before', text: story.headline }, ...remedy, ...story.lines] };
}

/** Undefined: the story's own says it already. */
function headlineOf({ serving, nodeId, nodeStatus, brake }: SystemStanding): string | undefined {
  const { state, reason } = serving;
  const since = serving.since === null ? '' : ` since ${clock(serving.since)}`;
  if (state === 'unserved') {
    // A reason that tells how its node is says it better than the status alone.
    const told = reason?.startsWith(`${nodeId} is `) ? [reason] : [`${nodeId} is ${nodeStatus}`, reason ?? []].flat();
    return `unserved${since}: ${told.join('; ')}`;
  }
  if (state === 'pending' && brake) return `pending${since}: ${brake.text}`;
  return state === 'retired' ? `retired${since}` : undefined;
}
