import type { Standing } from '../views/system.view';
import { clock, type Why } from './why';

/** The story of its serve task, under a headline that says what clients of the system notice now. */
export function whySystem(story: Why, standing: Standing): Why {
  const headline = headlineOf(standing);
  const remedy = standing.remedy === null ? [] : [{ label: 'remedy', text: standing.remedy }];
  if (headline === undefined) return { ...story, lines: [...story.lines, ...remedy] };
  return { ...story, headline, lines: [{ label: 'before', text: story.headline }, ...remedy, ...story.lines] };
}

/** Undefined: the story's own says it already. */
function headlineOf({ serving, nodeId, nodeStatus, brake }: Standing): string | undefined {
  const { state, reason } = serving;
  const since = serving.since === null ? '' : ` since ${clock(serving.since)}`;
  if (state === 'unserved')
    return `unserved${since}: ${[`${nodeId} is ${nodeStatus}`, reason].filter(unlessSaid).join('; ')}`;
  if (state === 'pending' && brake) return `pending${since}: ${brake.text}`;
  return state === 'retired' ? `retired${since}` : undefined;
}

/** A reason that names the node says its status too. */
const unlessSaid = (text: string | null, _index: number, all: readonly (string | null)[]): boolean =>
  text !== null && !all.some((other) => other !== text && other?.startsWith(text));
