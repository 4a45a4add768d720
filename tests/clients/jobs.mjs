// SPDX-License-Identifier: MIT
// jobs - reads the jobs, calls a function for each, writes the results

import { readFileSync } from 'node:fs';
import { webcrypto } from 'node:crypto';

// Node 18 has it, but not by that name.
globalThis.crypto ??= webcrypto;

export async function jobs(work) {
  const results = [];
  for (const job of JSON.parse(readFileSync(0, 'utf8')))
    try {
      results.push(await work(job));
    } catch (error) {
      const causes = [];
      for (let e = error; e; e = e.cause)
        causes.push(e.error ?? e.oauth2Code ?? e.data?.payload?.error ??
          `${e.message ?? e}, status ${e.status}`);
      results.push({ error: causes.join(': ') });
    }
  process.stdout.write(JSON.stringify(results));
}

// What every client does with its token.
export async function use(job, token, fetcher = fetch) {
  const answer = await fetcher(job.base + job.resource, {
    method: 'POST',
    body: job.body,
    headers: { authorization: `Bearer ${token}`,
      'content-type': 'application/json' },
  });
  return { status: answer.status, answer: await answer.text() };
}
