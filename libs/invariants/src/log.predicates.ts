import { judged, type LogPredicate } from './predicate';
import { wrongAnswer } from './requests-state';

export const L1: LogPredicate = {
  id: 'L1',
  text: 'one request has one outcome',
  whole: true,
  end: ({ requests }) =>
    [...requests.byId].flatMap(([id, request]) =>
      request.type === null ? [] : [{ ...judged(`operation/${id}`, wrongAnswer(request)), position: request.position }],
    ),
};

export const L2: LogPredicate = {
  id: 'L2',
  text: 'an event has its effect once: it stands in the log once',
  notJudged: 'effects in other projections than the log: a rebuild compares their hashes',
  see: ({ id, stream }, { streams }) => judged(`stream/${stream}`, streams.has(id) && `event ${id} stands here again`),
};

export const L3: LogPredicate = {
  id: 'L3',
  text: 'the versions of a stream are dense',
  notJudged: 'whether stores and topics hold the same: the log is what the gateway heard',
  see: ({ stream, version }, { streams }) => {
    const next = streams.nextOf(stream);
    if (next === undefined || version === next) return judged(`stream/${stream}`);
    return judged(`stream/${stream}`, version < next ? `version ${version} again` : `version ${next} is missing`);
  },
};
