import { allContracts, allTopics, contextNumbers, topicOf, topics } from './topics';

describe('topics', () => {
  it('gives a stream to the topic with the longest prefix that fits', () => {
    expect(topicOf('system-s1')).toBe(topics.placement);
    expect(topicOf('cluster-health-alpha')).toBe(topics.health);
    expect(topicOf('inbox-health-monitor-main')).toBe(topics.health);
    expect(topicOf('agent-alpha-1-0190')).toBe(topics.nodes);
    expect(topicOf('nobody-knows')).toBeUndefined();
  });

  it('gives each prefix to one topic', () => {
    const prefixes = allTopics.flatMap((topic) => topic.prefixes);
    expect(new Set(prefixes).size).toBe(prefixes.length);
  });

  it('numbers every stored context once', () => {
    const stored = allTopics.filter((topic) => topic.stored).map((topic) => topic.context);
    expect(Object.keys(contextNumbers).sort()).toEqual([...stored].sort());
    expect(new Set(Object.values(contextNumbers)).size).toBe(stored.length);
  });

  it('has an upcaster for every older version of an event', () => {
    for (const contract of allContracts) {
      if (contract.kind !== 'event') continue;
      for (let older = 1; older < contract.version; older += 1) expect(contract.upcast[older]).toBeDefined();
    }
  });
});
