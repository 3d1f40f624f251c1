import { allContracts } from '@holdfast/contracts';
import type { Route } from '../routes/route';
import { problems } from './problem';

const escape = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');

/** One static page: the routes, the problems, the events. /openapi.json has every field. */
export function docsPage(routes: readonly Route[]): string {
  const rows = routes.map(
    ({ method, path, role, summary, ...route }) =>
      `<tr><td><code>${method.toUpperCase()} ${path}</code></td><td>${role}</td><td>${escape(summary)}</td>` +
      `<td>${'event' in route ? `<code>${route.event.type}</code>` : ''}</td></tr>`,
  );
  const codes = Object.entries(problems).map(
    ([code, { status, remedy }]) =>
      `<tr id="${code}"><td>${status}</td><td><code>${code}</code></td><td>${escape(remedy)}</td></tr>`,
  );
  const schemas = allContracts.map(({ type, version }) => `<a href="/schemas/${type}/${version}.json">${type}</a>`);
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>Holdfast API</title>
<style>body{font:15px/1.5 system-ui;margin:2rem auto;max-width:70rem;padding:0 1rem;color-scheme:light dark}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.25rem .75rem .25rem 0;border-bottom:1px solid #8884;vertical-align:top}</style>
<h1>Holdfast API</h1>
<p>Bearer token. A POST answers 202 with <code>Location</code> of its operation; send an <code>Idempotency-Key</code>.
Every field: <a href="/openapi.json">/openapi.json</a>.</p>
<h2>Routes</h2><table><tr><th>Route<th>Role<th>What it does<th>Event appended</tr>${rows.join('\n')}</table>
<h2>Problems</h2><table><tr><th>Status<th>Code<th>Remedy</tr>${codes.join('\n')}</table>
<h2>Events and samples</h2><p>${schemas.join(' · ')}</p></html>`;
}
