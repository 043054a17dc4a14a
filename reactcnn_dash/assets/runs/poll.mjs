/* Looking at the list of runs: one request at a time, none while the page is hidden or while a
   person writes in the table. */
import { setProps } from "../base/dash.mjs";
import { byId } from "../base/dom.mjs";
import { showEmpty } from "../base/empty.mjs";
import { notice } from "../base/notice.mjs";
import * as ids from "../generated/ids.mjs";
import { editing, takeRows } from "./table.mjs";

/** @import { News, RunsAnswer, RunsRequest } from "../generated/runs.d.ts" */

const LATE_MS = 15000;
const SILENT_MS = 6000;
let number = 0;
let busy = false;
let askedAt = 0;
/** @type {number | null} */
let version = null;
/** @type {number | null} */
let heard = null;
let silent = false;
let again = false;
/** Who waits for an answer to a question of their own. @type {(() => void)[]} */
let waiting = [];

/** @param {boolean} now */
function ask(now) {
  number += 1;
  busy = true;
  askedAt = Date.now();
  /** @type {RunsRequest} */
  const data = { number, version, heard, now };
  setProps(ids.RUNS_REQUEST, { data });
}

/** Ask if nothing is under way. A tick that would pile up is left out. */
export function look() {
  if (document.hidden || editing()) return;
  if (!busy || Date.now() - askedAt > LATE_MS) ask(false);
}

/** Ask at once, for what this page itself has changed. @returns {Promise<void>} once it is taken in */
export function lookNow() {
  if (busy) again = true;
  else ask(true);
  return new Promise((done) => waiting.push(done));
}

export function tick() {
  if (busy && Date.now() - askedAt > SILENT_MS && !document.hidden) {
    silent = true;
    notice("The server does not answer. This page goes on trying.");
  }
  look();
}

/** @param {RunsAnswer["empty"]} empty */
function takeEmpty(empty) {
  byId(ids.APP).classList.toggle("without-runs", Boolean(empty));
  showEmpty(empty ?? null, "Waiting for runs");
  if (empty) version = null;
}

/** @param {readonly News[]} news */
function takeNews(news) {
  const failed = news.filter((one) => one.failed);
  const said = failed.length ? failed : news;
  if (said.length) notice(said.map((one) => one.text).join(" "), failed.length ? "error" : "info");
}

/** Take in the answer to a poll. @param {RunsAnswer} answer */
export function take(answer) {
  if (answer.asked !== number) return;
  busy = false;
  if (silent) notice(null);
  silent = false;
  if (answer.notice) {
    silent = true;
    notice(answer.notice);
  }
  // Kept back while a person writes: the next answer says it again.
  if (answer.rows && !editing()) {
    version = answer.version ?? null;
    takeRows(answer);
  }
  if (!answer.notice) takeEmpty(answer.empty);
  takeNews(answer.news);
  heard = answer.heard;
  if (again) {
    again = false;
    ask(true);
    return;
  }
  for (const done of waiting) done();
  waiting = [];
}
