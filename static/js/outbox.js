/**
 * Nothing written is lost or doubled. A message lies in localStorage, one entry each, from the
 * moment it is written until the server has acknowledged it. Its client id makes sending it twice
 * harmless, so "did that arrive?" is always answered by sending it again.
 *
 * The first message to a person has no channel yet. It waits under the person; when it can be
 * sent, the conversation is opened and all that waits there moves into it.
 */

import * as api from "./api.js";
import { tell, when } from "./bus.js";
import { debounce, jittered, newId, sleep } from "./dom.js";
import { CHANNEL_CHANGED, MESSAGE_POST, PASSING_ERRORS } from "./protocol.js";
import { AckError, ask, isConnected } from "./socket.js";
import { load, names, onOtherTab, save } from "./storage.js";

const MAX_WAIT = 15_000;

const PERSON = "person-";

/** Where messages to this person wait while there is no conversation with them. */
export const placeOf = (person) => PERSON + person;

const keyOf = (item) => `outbox:${item.channel}:${item.client_id}`;
// Entries of a tab whose storage is full or blocked: kept as long as the page lives.
const homeless = new Map();
const flushing = new Set();
let lastAt = 0;

/** What waits for this channel, in the order it was written. */
export function waiting(channel) {
  const kept = names(`outbox:${channel}:`).map((name) => load(name));
  return [...kept, ...homeless.values()]
    .filter((item) => item?.channel === channel)
    .sort((a, b) => a.at - b.at);
}

function keep(item) {
  if (save(keyOf(item), item)) homeless.delete(item.client_id);
  else homeless.set(item.client_id, item);
}

function drop(item) {
  homeless.delete(item.client_id);
  save(keyOf(item), null);
}

const isKept = (item) => homeless.has(item.client_id) || load(keyOf(item)) !== null;

/** Take a message in. It is shown at once and sent as soon as that is possible. */
export function write(channel, text) {
  lastAt = Math.max(Date.now(), lastAt + 1);
  const item = { channel, text, client_id: newId(), at: lastAt, state: "sending", reason: "" };
  keep(item);
  tell("outbox:added", item);
  flush(channel);
  return item;
}

export function retry(item) {
  const fresh = { ...item, state: "sending", reason: "" };
  keep(fresh);
  tell("outbox:changed", fresh);
  flush(item.channel);
}

export function forget(item) {
  drop(item);
  tell("outbox:dropped", item);
}

/** What waits in one place waits in another from now on. */
export function move(from, to) {
  for (const item of waiting(from)) {
    save(keyOf(item), null); // first: a full storage has room for one of them only
    keep({ ...item, channel: to });
  }
  flush(to);
}

async function open(place) {
  const channel = await api.post("/api/directs", { users: [place.slice(PERSON.length)] });
  move(place, channel.id);
  tell(CHANNEL_CHANGED, { channel });
}

async function deliver({ channel, text, client_id }) {
  if (isConnected()) return (await ask(MESSAGE_POST, { channel, text, client_id })).message;
  return api.post(`/api/channels/${channel}/messages`, { text, client_id });
}

function isRefusal(error) {
  if (error instanceof AckError) return !PASSING_ERRORS.includes(error.code);
  return error instanceof api.ApiError && !error.isPassing && error.status !== 401;
}

async function sendOne(item) {
  try {
    if (item.channel.startsWith(PERSON)) {
      await open(item.channel);
      return true;
    }
    const message = await deliver(item);
    drop(item);
    tell("outbox:sent", { item, message });
    return true;
  } catch (error) {
    if (!isRefusal(error)) return false;
    const refused = { ...item, state: "unsent", reason: error.message };
    keep(refused);
    tell("outbox:changed", refused);
    return true;
  }
}

// One at a time, so that the order of writing is the order of storing.
async function sendAll(channel) {
  let wait = 500;
  for (;;) {
    const item = waiting(channel).find(({ state }) => state === "sending");
    if (!item) return;
    if (isKept(item) && (await sendOne(item))) {
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

/** Send what waits. Two tabs take turns; where locks are missing, the client id keeps it single. */
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
  // Something may have been written between the last look and letting go.
  if (waiting(channel).some(({ state }) => state === "sending")) flush(channel);
}

function flushAll() {
  const channels = new Set(names("outbox:").map((name) => name.split(":")[1]));
  channels.forEach(flush);
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
