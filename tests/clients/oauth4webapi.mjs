// SPDX-License-Identifier: MIT
// oauth4webapi - finds the token endpoint by RFC 8414 and holds every answer
// to the letter of the RFCs

import * as oauth from 'oauth4webapi';
import { jobs } from './jobs.mjs';

await jobs(async (job) => {
  // The issuer's name has another port here.
  const options = { [oauth.customFetch]: (url, init) =>
    fetch(String(url).replace(job.issuer, job.base), init) };
  const issuer = new URL(job.issuer);
  const server = await oauth.processDiscoveryResponse(issuer,
    await oauth.discoveryRequest(issuer, { ...options, algorithm: 'oauth2' }));
  if (job.path)
    server.token_endpoint = job.issuer + job.path;
  const client = { client_id: job.id };
  const auth = job.way === 'body' ? oauth.ClientSecretPost(job.secret)
    : oauth.ClientSecretBasic(job.secret);
  const token = await oauth.processClientCredentialsResponse(server, client,
    await oauth.clientCredentialsGrantRequest(server, client, auth,
      { scope: job.scope.join(' ') }, options));
  const answer = await oauth.protectedResourceRequest(token.access_token,
    'POST', new URL(job.issuer + job.resource),
    new Headers({ 'content-type': 'application/json' }), job.body, options);
  return { token: token.access_token, type: token.token_type,
    expires_in: token.expires_in, scope: token.scope, status: answer.status,
    answer: await answer.text() };
});
