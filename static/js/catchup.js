/**
 * Catching up, so that no message is missed. Each change of a channel has the next number (`rev`).
 * Pushes bring changes fast, and a gap in the numbers shows a lost one. After a gap or a disconnect we
 * ask for all changes after the last number that we have. The page is never reloaded for it.
 */

import * as api from "./api.js";
import { tell, when } from "./bus.js";
import { debounce, jittered, sleep } from "./dom.js";
import { AckError } from "./logic/errors.js";
import { newestOf, reachOf, Revisions } from "./logic/revisions.js";
import { addPage, lastSeq, put, startOver } from "./messages.js";
import {
  CHANNEL_OPEN,
  CHANNEL_REMOVED,
  GONE_ERRORS,
  HISTORY_PAGE,
  MESSAGE_CHANGED,
  MESSAGE_DELETED,
  MESSAGE_NEW,
  MODE_DEGRADED,
  PRESENCE,
  SYSTEM,
} from "./protocol.js";
import { room } from "./room.js";
import { toBottom } from "./scroll.js";
import { refreshCounts } from "./sidebar.js";
import { ask, isConnected } from "./socket.js";
import { during } from "./visit.js";

const MAX_ROUNDS = 5; // further behind than this, the newest page is quicker than the whole story
const POLL_MS = 3000; // to four and a half seconds: nothing said elsewhere is shown after five
const COUNTS_MS = 15_000; // to thirty: counts cost more

let held = new Revisions(0); // of the channel that is shown
let running = null;
let again = false;
let isDegraded = false;
let countsDue = 0;

// Pushes may arrive out of order within some milliseconds; only a gap that stays is a loss.
const checkHole = debounce(() => held.hasHole && catchUp(), 400);

function pushed(channel, rev) {
  if (channel !== room.id) return;
  held.pushed(rev);
  if (held.hasHole) checkHole();
}

async function round() {
  const since = { channel: room.id, after: lastSeq(), rev: held.rev };
  const answer = await during(ask(CHANNEL_OPEN, since));
  for (const { message } of answer.messages) put(message);
  held.reached(reachOf(answer));
  return answer.more;
}

async function run() {
  for (let count = 0; await round(); count += 1) {
    if (count === MAX_ROUNDS && !room.hasNewer) return showNewest();
  }
}

/**
 * Read a page of history and `show` it. `show` may return the number up to which it is complete. A
 * change of a message that is not shown yet may be pushed meanwhile and ignored, and the page may be
 * older than the change. So later changes are asked for again.
 */
export async function withPage(query, show) {
  const before = held.rev;
  const page = await during(api.get(`/api/channels/${room.id}/messages${query}`));
  const reached = show(page) || 0;
  const complete = Math.max(before, reached);
  if (held.rev <= complete) return;
  held.rewind(complete);
  catchUp();
}

/** Replace the shown messages by the newest page. */
export async function showNewest() {
  await withPage(`?limit=${HISTORY_PAGE}`, ({ messages, more }) => {
    room.hasOlder = more;
    room.hasNewer = false;
    startOver(messages);
    held.reached(newestOf(messages));
    return newestOf(messages);
  });
  toBottom();
  tell("started-over");
}

/** Replace the shown messages by those around this one. */
export async function showAround(seq) {
  await withPage(
    `/around?seq=${seq}&limit=${HISTORY_PAGE}`,
    ({ messages, more_before, more_after }) => {
      room.hasOlder = more_before;
      room.hasNewer = more_after;
      startOver(messages);
    },
  );
  tell("started-over");
}

/**
 * Ask for everything since what we hold. Safe to call at any time, any number of times. What it
 * returns settles only while the channel is shown.
 */
export function catchUp() {
  if (!room.id) return Promise.resolve();
  if (running) {
    again = true;
    return running;
  }
  running = run()
    .then(() => tell("caught-up"))
    .catch(async (error) => {
      const isGone = error instanceof AckError && GONE_ERRORS.includes(error.code);
      if (isGone) return tell(CHANNEL_REMOVED, { channel: room.id });
      await during(sleep(jittered(2000)));
      again = isConnected();
    })
    .finally(() => {
      running = null;
      if (again) {
        again = false;
        catchUp();
      }
    });
  return running;
}

// Where WebSockets are blocked, plain requests still fetch new messages, but no edits.
async function pollOverHttp() {
  if (!room?.id || room.hasNewer) return;
  const here = room;
  const { messages } = await api.get(`/api/channels/${here.id}/messages?after=${lastSeq()}`);
  if (here === room) addPage(messages, "below");
}

// The other channels in the sidebar. The first request is delayed at random, too, because many
// browsers may start at once.
async function pollCounts() {
  const now = performance.now();
  countsDue ||= now + COUNTS_MS * Math.random();
  if (now < countsDue) return;
  countsDue = now + COUNTS_MS * (1 + Math.random());
  await refreshCounts();
}

async function pollOnce() {
  if (!isConnected()) await pollOverHttp();
  else if (isDegraded && room) catchUp();
  await pollCounts();
}

async function poll() {
  let skipped = 0;
  let pause = 0;
  for (;;) {
    await sleep(POLL_MS * (1 + Math.random() / 2));
    if (isConnected() && !isDegraded) countsDue = 0;
    else if (document.visibilityState === "visible" && navigator.onLine) {
      // Each failure doubles the pause, so that a server that is down gets few requests.
      if (!isConnected() && skipped++ < pause) continue;
      skipped = 0;
      pause = await pollOnce().then(
        () => 0,
        () => Math.min(pause * 2 + 1, 7),
      );
    }
  }
}

export function enter(signal) {
  held = room.held ??= new Revisions(room.rev);
  running = null;
  again = false;
  when(MESSAGE_NEW, ({ message }) => pushed(message.channel, message.rev), signal);
  when(MESSAGE_CHANGED, ({ message }) => pushed(message.channel, message.rev), signal);
  when(MESSAGE_DELETED, ({ channel, rev }) => pushed(channel, rev), signal);
  when("connected", catchUp, signal);
  when("begun", catchUp, signal);
  // With or without `resync`: a push may have been lost when the mode changed.
  when(SYSTEM, catchUp, signal);
  if (isConnected()) catchUp(); // else it is told when it is
}

export function start() {
  when(SYSTEM, ({ mode }) => (isDegraded = mode === MODE_DEGRADED));
  // A page that connects while processes cannot reach each other did not get the change of mode.
  when(PRESENCE, ({ greeting, known }) => {
    if (greeting) isDegraded = !known;
  });
  poll();
}
