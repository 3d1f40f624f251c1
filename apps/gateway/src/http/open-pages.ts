import type { ErrorRequestHandler, Express, Request, Response } from 'express';
import type { Route } from '../routes/route';
import { sendProblem } from './api';
import { docsPage } from './docs';
import { nearest } from './nearest';
import { openApiOf, schemaOf } from './openapi';
import { Problem } from './problem';
import { allContracts } from '@holdfast/contracts';

/** What is shown without a token. */
export function mountOpenPages(express: Express, routes: readonly Route[]): void {
  const openApi = JSON.stringify(openApiOf(routes));
  const docs = docsPage(routes);
  express.get('/livez', (_request, response) => void response.json({ ok: true }));
  express.get('/openapi.json', (_request, response) => void response.type('json').send(openApi));
  express.get('/docs', (_request, response) => void response.type('html').send(docs));
  express.get('/schemas/:type/:version.json', sendSchema);
  express.use((request, response) =>
    sendProblem(response, new Problem('NOT_FOUND', `nothing at ${request.originalUrl.split('?')[0]}`)),
  );
  express.use(sendUnreadable);
}

/** What Express itself cannot read: a path whose escapes are no text. */
// eslint-disable-next-line no-restricted-syntax -- Express knows its error handlers by their four parameters.
const sendUnreadable: ErrorRequestHandler = (error: Error, _request, response, next) => {
  if (response.headersSent) return next(error);
  const more = { errors: [{ pointer: '', message: error.message }] };
  sendProblem(response, new Problem('INVALID_REQUEST', error.message, { more, cause: error }));
};

function sendSchema({ params }: Request, response: Response): void {
  const { type, version } = params as { type: string; version: string };
  const schema = /^[1-9]\d{0,8}$/.test(version) ? schemaOf(type, Number(version)) : undefined;
  if (schema) return void response.type('application/schema+json').send(JSON.stringify(schema));
  const remedy = schemaRemedy(type);
  sendProblem(response, new Problem('NOT_FOUND', `no schema ${type} ${version}`, { remedy }));
}

/** A known event has other versions; another name may be meant otherwise. */
export function schemaRemedy(type: string): string {
  const versions = allContracts.filter((contract) => contract.type === type).map(({ version }) => version);
  if (versions.length > 0)
    return `${type} is known at version ${versions.join(', ')}: /schemas/${type}/${versions.at(-1)}.json`;
  const near = nearest(
    type,
    allContracts.map((contract) => contract.type),
  );
  return near ? `did you mean ${near}? /docs lists all` : '/docs lists all';
}
