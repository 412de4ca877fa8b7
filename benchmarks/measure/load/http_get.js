// Asks one address over and over, each virtual user as soon as it has its answer: the load of the tutorial.
//
//   k6 run --vus 10 --duration 30s http_get.js
//
// Asks what `lab serve` serves by default; --env says otherwise:
//   LAB_URL         what to ask
//   LAB_METHOD      how: GET, POST ...
//   LAB_HEADERS     with which headers, a JSON object
//   LAB_SEND_BASE64 with which body
//   LAB_STATUSES    of a valid answer, 200 to 299 by default: 201,409
//   LAB_BODY_BYTES  length of the body of a valid answer; any length by default
//   LAB_BODY_BASE64 that body; one answer in a thousand is compared with it, and the first of every status
//   LAB_TIMEOUT     how long to wait for an answer: 30s
//   LAB_SUMMARY     a file for k6's summary as JSON, in place of the one that it prints

import { sleep } from 'k6';
import encoding from 'k6/encoding';
import http from 'k6/http';
import { Counter } from 'k6/metrics';

const URL = __ENV.LAB_URL || 'http://127.0.0.1:8000/health';
const BODY_BYTES = __ENV.LAB_BODY_BYTES ? Number(__ENV.LAB_BODY_BYTES) : null;
const BODY_BASE64 = __ENV.LAB_BODY_BASE64 || null;
const COMPARE_ONE_IN = 1000;
// Bytes, not text, are counted; a redirect is no valid answer.
const PARAMETERS = {
  headers: JSON.parse(__ENV.LAB_HEADERS || '{}'),
  redirects: 0,
  responseType: 'binary',
  timeout: __ENV.LAB_TIMEOUT || '30s',
};
const METHOD = __ENV.LAB_METHOD || 'GET';
const SENT = __ENV.LAB_SEND_BASE64 ? encoding.b64decode(__ENV.LAB_SEND_BASE64) : null;
const STATUSES = __ENV.LAB_STATUSES ? __ENV.LAB_STATUSES.split(',').map(Number) : null;
const PAUSE_S = 0.05;

const REQUEST_TIMED_OUT = 1050;
const DIAL_TIMED_OUT = 1211;

export const options = { summaryTrendStats: ['avg', 'min', 'med', 'max', 'p(90)', 'p(95)', 'p(99)'] };

const errors = {
  status: new Counter('lab_errors_status'),
  body: new Counter('lab_errors_body'),
  connection: new Counter('lab_errors_connection'),
  timeout: new Counter('lab_errors_timeout'),
};

const compared = new Counter('lab_bodies_compared');

http.setResponseCallback(http.expectedStatuses(...(STATUSES || [{ min: 200, max: 299 }])));

// Of each virtual user, which has variables of its own.
const statusesSeen = {};
let answers = 0;

// One in a thousand, and the first of every status.
function isSampled(status) {
  const isFirst = !statusesSeen[status];
  statusesSeen[status] = true;
  answers += 1;
  return isFirst || answers % COMPARE_ONE_IN === 0;
}

// Runs once, right before the load: the observer of the server begins here.
export function setup() {
  console.log('lab: the load begins');
}

export default function () {
  const answer = http.request(METHOD, URL, SENT, PARAMETERS);
  if (answer.status === 0) {
    const timedOut = answer.error_code === REQUEST_TIMED_OUT || answer.error_code === DIAL_TIMED_OUT;
    (timedOut ? errors.timeout : errors.connection).add(1);
    sleep(PAUSE_S);
  } else if (STATUSES ? !STATUSES.includes(answer.status) : answer.status < 200 || answer.status > 299) {
    errors.status.add(1);
  } else if (BODY_BYTES !== null && (answer.body ? answer.body.byteLength : 0) !== BODY_BYTES) {
    errors.body.add(1);
  } else if (BODY_BASE64 !== null && isSampled(answer.status)) {
    compared.add(1);
    if (encoding.b64encode(answer.body) !== BODY_BASE64) {
      errors.body.add(1);
    }
  }
}

// Without a file to write to, k6 prints its own summary.
export const handleSummary = __ENV.LAB_SUMMARY
  ? (data) => ({ [__ENV.LAB_SUMMARY]: JSON.stringify(data) })
  : undefined;
