/**
 * The outbox: no message is lost or stored twice. Each message is an entry in localStorage until the
 * server has acknowledged it. The server recognises its client id, so sending it again is harmless,
 * and we do so whenever it is unknown whether it arrived.
 *
 * The first message to a person has no channel yet and is stored under the person. To send it, the
 * conversation is opened, and all its messages move there.
 */

import * as api from "./api.js";
import { tell, when } from "./bus.js";
import { debounce, jittered, newId, sleep } from "./dom.js";
import { isRefusal } from "./logic/errors.js";
import { isPerson, Outbox, personOf } from "./logic/outbox.js";
import { CHANNEL_CHANGED, MESSAGE_POST } from "./protocol.js";
import { ask, isConnected } from "./socket.js";
import { onOtherTab, store } from "./storage.js";

const MAX_WAIT = 15_000;

const outbox = new Outbox(store);
const flushing = new Set();

/** The unsent messages of this channel in the order of writing. */
export const waiting = (place) => outbox.waiting(place);

/** Add a message. It is shown at once and sent as soon as possible. */
export function write(place, text) {
  const item = outbox.add(place, text, newId());
  tell("outbox:added", item);
  flush(place);
  return item;
}

export function retry(item) {
  tell("outbox:changed", outbox.retry(item));
  flush(item.channel);
}

export function forget(item) {
  outbox.drop(item);
  tell("outbox:dropped", item);
}

/** Move the messages of one place to another. */
export function move(from, to) {
  outbox.move(from, to);
  flush(to);
}

async function open(place) {
  const channel = await api.post("/api/directs", { users: [personOf(place)] });
  move(place, channel.id);
  tell(CHANNEL_CHANGED, { channel });
}

async function deliver({ channel, text, client_id }) {
  if (isConnected()) return (await ask(MESSAGE_POST, { channel, text, client_id })).message;
  return api.post(`/api/channels/${channel}/messages`, { text, client_id });
}

async function sendOne(item) {
  try {
    if (isPerson(item.channel)) {
      await open(item.channel);
      return true;
    }
    const message = await deliver(item);
    outbox.drop(item);
    tell("outbox:sent", { item, message });
    return true;
  } catch (error) {
    if (!isRefusal(error)) return false;
    tell("outbox:changed", outbox.refuse(item, error.message));
    return true;
  }
}

// One at a time, so that messages are stored in the order of writing.
async function sendAll(channel) {
  let wait = 500;
  for (;;) {
    const item = outbox.next(channel);
    if (!item) return;
    if (outbox.has(item) && (await sendOne(item))) {
      wait = 500;
      continue;
    }
    await Promise.race([sleep(jittered(wait)), connection()]);
    wait = Math.min(wait * 2, MAX_WAIT);
  }
}

let wake = () => {};
let awaited = null;
function connection() {
  awaited ??= new Promise((resolve) => (wake = resolve)).finally(() => (awaited = null));
  return awaited;
}

/** Send all unsent messages. A lock lets one tab send at a time; without it, client ids do. */
export async function flush(channel) {
  if (flushing.has(channel)) return;
  flushing.add(channel);
  try {
    if (navigator.locks)
      await navigator.locks.request(`chat:outbox:${channel}`, () => sendAll(channel));
    else await sendAll(channel);
  } finally {
    flushing.delete(channel);
  }
  // A message may have been added just before the lock was released.
  if (outbox.next(channel)) flush(channel);
}

function flushAll() {
  outbox.places().forEach(flush);
}

export function start() {
  when("connected", () => {
    wake();
    flushAll();
  });
  onOtherTab(
    "outbox:",
    debounce(() => tell("outbox:other-tab"), 50),
  );
  flushAll();
}
