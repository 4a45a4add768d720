// SPDX-License-Identifier: MIT
// cloudevents - checks all events of a directory, {"directory"}: by the JSON
// schema of CloudEvents 1.0.2, which the package has in compiled form, by its
// two ways to read an event, and by what the specification says of strings.
// The result is {"events", "wrong": [[file, reason], ...]}

import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { CloudEvent, HTTP } from 'cloudevents';
import { jobs } from './jobs.mjs';

const schema = createRequire(import.meta.url)(
  'cloudevents/dist/schema/v1.js');

// "Type System", String
const unfit = new RegExp('[\\u0000-\\u001f\\u007f-\\u009f\\ufdd0-\\ufdef]|' +
  '\\p{Noncharacter_Code_Point}|\\p{Surrogate}', 'u');

// RFC 2045 section 5.1
const token = "[!#$%&'*+.^_`{|}~0-9A-Za-z-]+";
const media = new RegExp(`^${token}/${token}` +
  `( *; *${token}=(${token}|"([ !#-\\[\\]-~]|\\\\[ -~])*"))*$`);

function check(text) {
  const event = JSON.parse(text);
  if (!schema(event))
    return JSON.stringify(schema.errors);
  new CloudEvent(event);
  HTTP.toEvent({ headers: { 'content-type': 'application/cloudevents+json' },
    body: text }).validate();
  for (const [name, value] of Object.entries(event)) {
    if (name === 'data')
      continue;
    if (typeof value !== 'string')
      return `${name} is no string`;
    if (unfit.test(value))
      return `${name} is no String: ${JSON.stringify(value)}`;
  }
  if (event.datacontenttype !== undefined && !media.test(event.datacontenttype))
    return `datacontenttype: ${event.datacontenttype}`;
  return '';
}

await jobs((job) => {
  const wrong = [];
  const names = readdirSync(job.directory);
  const decoder = new TextDecoder('utf-8', { fatal: true });
  for (const name of names) {
    let reason;
    try {
      reason = check(decoder.decode(
        readFileSync(`${job.directory}/${name}`)));
    } catch (error) {
      reason = `${error.message}`;
    }
    if (reason)
      wrong.push([name, reason]);
  }
  return { events: names.length, wrong };
});
