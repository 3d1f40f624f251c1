import { NodeDrainStopped } from '@holdfast/contracts';
import { AT, told } from '../testing/told';
import { heardOf } from './heard';

it('an end by what this build has no words for is named by its code, and no projection stands still for it', () => {
  const event = told(NodeDrainStopped, { clusterId: 'alpha', nodeId: 'n1', at: AT, by: 'operator' });
  const stopped = (by: string) => ({ ...event, data: { ...(event.data as object), by } });
  expect(heardOf(stopped('operator'), false).reason).toMatchObject({
    code: 'OPERATOR',
    text: 'an operator called it off',
  });
  expect(heardOf(stopped('somethingNew'), false).reason).toMatchObject({
    ...{ code: 'SOMETHING_NEW', text: 'SOMETHING_NEW' },
    remedy: expect.any(String) as string,
  });
});
