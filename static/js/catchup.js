/**
 * Nothing is missed. Push is only the fast path: every change of a channel has the next number
 * (`rev`), so a hole is visible, and after any break we ask for all changes since the last number
 * that we hold - new, edited and deleted ones - and never reload the page for it.
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

// Two pushes may overtake each other by a few milliseconds; only a hole that stays is a loss.
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
 * Read a page of history and `show` it; what that returns is the number up to which it is complete,
 * if it says so. A change pushed meanwhile to a message that was not shown yet had nowhere to go,
 * and the page may have been read before it: what came since is asked for again.
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

/** Put the newest page in place of what is shown. */
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

/** Put the messages round this one in place of what is shown. */
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

// Where WebSockets are blocked, plain requests still bring the new messages, if not the edits.
async function pollOverHttp() {
  if (!room?.id || room.hasNewer) return;
  const here = room;
  const { messages } = await api.get(`/api/channels/${here.id}/messages?after=${lastSeq()}`);
  if (here === room) addPage(messages, "below");
}

// The other channels in the sidebar. The first time is spread, too: everybody begins at once.
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
      // Each failure doubles the pause, so a server that is down is not knocked on all the time.
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
  // With or without `resync`: a change of mode is when a push may have been lost.
  when(SYSTEM, catchUp, signal);
  if (isConnected()) catchUp(); // else it is told when it is
}

export function start() {
  when(SYSTEM, ({ mode }) => (isDegraded = mode === MODE_DEGRADED));
  // Who connects while the processes cannot talk to each other was not told of the change of mode.
  when(PRESENCE, ({ greeting, known }) => {
    if (greeting) isDegraded = !known;
  });
  poll();
}
