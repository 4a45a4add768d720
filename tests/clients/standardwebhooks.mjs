// SPDX-License-Identifier: MIT
// standardwebhooks - signs {"sign": body, "key", "id", "time": seconds} and
// verifies {"verify": body, "key", "headers"}; the result is the signature, or
// what the body says

import { Webhook } from 'standardwebhooks';
import { jobs } from './jobs.mjs';

await jobs((job) => {
  const webhook = new Webhook(job.key);
  if (job.sign !== undefined)
    return webhook.sign(job.id, new Date(job.time * 1000), job.sign);
  return webhook.verify(job.verify, job.headers);
});
