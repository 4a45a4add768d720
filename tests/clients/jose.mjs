// SPDX-License-Identifier: MIT
// jose - signs tokens, and writes public keys as JWK

import { SignJWT, exportJWK, importPKCS8, importSPKI } from 'jose';
import { jobs } from './jobs.mjs';

await jobs(async (job) => {
  if (job.public)
    return exportJWK(await importSPKI(job.public, job.alg,
      { extractable: true }));
  return new SignJWT(job.claims)
    .setProtectedHeader({ ...job.header, alg: job.alg })
    .sign(await importPKCS8(job.key, job.alg));
});
