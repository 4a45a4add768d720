// SPDX-License-Identifier: MIT
// simple-oauth2 - form-encodes id and secret before Basic, as RFC 6749 says;
// "loose": does not

import { ClientCredentials } from 'simple-oauth2';
import { jobs, use } from './jobs.mjs';

await jobs(async (job) => {
  const client = new ClientCredentials({
    client: { id: job.id, secret: job.secret },
    auth: { tokenHost: job.base, tokenPath: job.path },
    options: {
      authorizationMethod: job.way === 'body' ? 'body' : 'header',
      credentialsEncodingMode: job.way === 'loose' ? 'loose' : 'strict',
    },
  });
  const { token } = await client.getToken({ scope: job.scope });
  return { token: token.access_token, type: token.token_type,
    expires_in: token.expires_in, scope: token.scope,
    ...await use(job, token.access_token) };
});
