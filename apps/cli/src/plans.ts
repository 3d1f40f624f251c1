import type { Row } from './api';
import type { Session } from './session';
import { table } from './table';
import { at, size, text } from './values';

/** A plan as people compare it: its steps in order, what is to be known first, and how even the load will be. */
export function planText(session: Session, plan: Row): string {
  const steps = (plan['steps'] ?? []) as Row[];
  const parts = [steps.length === 0 ? 'nothing would move\n' : stepTable(session, steps)];
  const more = Number(plan['more'] ?? 0);
  if (more > 0) parts.push(`and ${more} more steps\n`);
  const findings = (plan['findings'] ?? []) as Row[];
  if (findings.length > 0) parts.push(`\n${findings.map(findingText).join('\n')}\n`);
  parts.push(`\n${loadText(plan)}\n`);
  return parts.join('');
}

/** Both answers to a plan that is out of date: what was asked for, if it is still known, and what it would be now. */
export function bothPlans(session: Session, result: unknown): string {
  const asked = at(result, 'asked') as Row | null | undefined;
  const now = at(result, 'now') as Row | null | undefined;
  const shown = (name: string, plan: Row | null | undefined) =>
    plan ? `${name} (${text(plan['planDigest'])})\n${planText(session, plan)}` : `${name}: not known any more\n`;
  return `${shown('asked for', asked)}\n${shown('now', now)}`;
}

function stepTable(session: Session, steps: readonly Row[]): string {
  const isWide = session.options.output === 'wide';
  const waits = steps.some(({ blockedBy }) => blockedBy);
  const heads = ['DOES', 'KIND', 'SUBJECT', 'FROM', 'TO', 'CLIENTS'];
  const rows = steps.map((step) => {
    const { does, kind, subject, fromNodeId, toNodeId, reconnects, taskId } = step;
    const cells = [does, kind, subject, fromNodeId, toNodeId].map(text);
    cells.push(reconnects ? 'reconnect once' : '-');
    if (waits) cells.push(blockedText(step['blockedBy']));
    if (isWide) cells.push(text(taskId));
    return cells;
  });
  if (waits) heads.push('WAITS FOR');
  if (isWide) heads.push('TASK');
  return table(isWide ? { ...session.world, columns: Infinity } : session.world, heads, rows);
}

/** How many nodes each rule excluded. */
function blockedText(blockedBy: unknown): string {
  const counts = Object.entries((blockedBy ?? {}) as Row);
  return counts.map(([filter, nodes]) => `${text(nodes)} ${filter}`).join(', ') || '-';
}

function findingText({ severity, code, subject, text: told, remedy }: Row): string {
  const finding = `${text(severity).padEnd(9)} ${text(code)}  ${text(subject)}: ${text(told)}`;
  return remedy ? `${finding}\nremedy    ${text(remedy)}` : finding;
}

function loadText({ reconnects, shortfall, maxOverFair }: Row): string {
  const parts = [`${text(reconnects)} reconnect${reconnects === 1 ? '' : 's'}`];
  const [now, after] = [at(maxOverFair, 'now'), at(maxOverFair, 'after')];
  if (typeof now === 'number' && typeof after === 'number')
    parts.push(`fullest node ${now.toFixed(2)} × its fair share now, ${after.toFixed(2)} × after`);
  if (typeof shortfall === 'number' && shortfall > 0) parts.push(`no room for ${size(shortfall)}/s`);
  return `load      ${parts.join('; ')}`;
}
