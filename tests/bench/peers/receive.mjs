// SPDX-License-Identifier: MIT
// receive.mjs - verify a call and store its payload durably
//
// SPOOL, KEY, SOCKET and WORKERS come from the environment.

import cluster from "node:cluster";
import { createSecretKey } from "node:crypto";
import { open, rename } from "node:fs/promises";
import Fastify from "fastify";
import { compactVerify } from "jose";

const { SPOOL, KEY, SOCKET, WORKERS } = process.env;
const key = createSecretKey(Buffer.from(KEY));
let number = 0;

async function flush(handle) {
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function store(message) {
  const name = `${Date.now()}.P${process.pid}Q${++number}.json`;
  const file = await open(`${SPOOL}/tmp/${name}`, "wx", 0o660);
  await file.writeFile(message);
  await flush(file);
  await rename(`${SPOOL}/tmp/${name}`, `${SPOOL}/new/${name}`);
  await flush(await open(`${SPOOL}/new`, "r"));
}

async function verify(call) {
  try {
    const options = { algorithms: ["HS256"] };
    return (await compactVerify(call.data, key, options)).payload;
  } catch (error) {
    error.statusCode =
      error.code === "ERR_JWS_SIGNATURE_VERIFICATION_FAILED" ? 403 : 400;
    throw error;
  }
}

if (cluster.isPrimary) {
  process.umask(0); // nginx is another user
  for (let i = 0; i < Number(WORKERS); i++) cluster.fork();
  cluster.on("exit", () => process.exit(1));
  process.on("SIGTERM", () => process.exit(0));
} else {
  const server = Fastify({ bodyLimit: 16 << 20, keepAliveTimeout: 600000 });
  server.post("/", async (request) => {
    await store(await verify(request.body));
    return "ok\n";
  });
  await server.listen({ path: SOCKET });
}
