// SPDX-License-Identifier: MIT
// @azure/msal-node - given an authority whose path begins with adfs, it asks
// for OpenID metadata first, and goes by these

import { ConfidentialClientApplication } from '@azure/msal-node';
import { jobs, use } from './jobs.mjs';

// The network as MSAL wants it, with the server's name resolved to job.base
function network(job) {
  const call = async (method, url, options = {}) => {
    const answer = await fetch(url.replace(job.issuer, job.base),
      { method, headers: options.headers, body: options.body });
    return { status: answer.status, body: await answer.json(),
      headers: Object.fromEntries(answer.headers) };
  };
  return {
    sendGetRequestAsync: (url, options) => call('GET', url, options),
    sendPostRequestAsync: (url, options) => call('POST', url, options),
  };
}

await jobs(async (job) => {
  const client = new ConfidentialClientApplication({
    auth: { clientId: job.id, clientSecret: job.secret,
      authority: job.issuer + '/adfs',
      knownAuthorities: [new URL(job.issuer).host] },
    system: { networkClient: network(job) },
  });
  const result = await client.acquireTokenByClientCredential(
    { scopes: job.scope });
  return { token: result.accessToken, type: result.tokenType,
    expires_in: Math.floor((result.expiresOn - Date.now()) / 1000),
    scope: result.scopes.join(' '),
    ...await use(job, result.accessToken) };
});
