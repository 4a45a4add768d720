// SPDX-License-Identifier: MIT
// badgateway - @badgateway/oauth2-client, with its fetch() that adds tokens

import { OAuth2Client, OAuth2Fetch } from '@badgateway/oauth2-client';
import { jobs, use } from './jobs.mjs';

await jobs(async (job) => {
  const client = new OAuth2Client({
    server: job.base,
    clientId: job.id,
    clientSecret: job.secret,
    tokenEndpoint: job.path || undefined, // else as the server says
    authenticationMethod: job.way === 'body' ? 'client_secret_post'
      : 'client_secret_basic',
    fetch: async (url, init) => {
      const answer = await fetch(
        String(url).replace(job.issuer, job.base), init);
      return answer;
    },
  });
  let got;
  const wrapper = new OAuth2Fetch({
    client,
    getNewToken: async () => {
      got = await client.clientCredentials({ scope: job.scope });
      return got;
    },
    scheduleRefresh: false,
  });
  const used = await use(job, '', (url, init) => {
    delete init.headers.authorization;
    return wrapper.fetch(url, init);
  });
  return { token: got.accessToken, type: 'Bearer',
    expires_in: Math.round((got.expiresAt - Date.now()) / 1000),
    scope: job.scope.join(' '), ...used };
});
