/**
 * A direct conversation is created by its first message, of either person. A page that is open for it
 * continues without a reload, so typed text is not lost.
 */

import { tell, when } from "./bus.js";
import { me } from "./dom.js";
import { placeOf } from "./logic/outbox.js";
import { move } from "./outbox.js";
import { CHANNEL_CHANGED } from "./protocol.js";
import { room } from "./room.js";

function isThisOne({ kind, people = [] }) {
  const wanted = new Set([me.id, room.other]);
  return kind === "direct" && people.length === wanted.size && people.every((id) => wanted.has(id));
}

function begin({ id, slug }) {
  if (room.id) return;
  room.begin(id, slug);
  move(placeOf(room.other), id);
  tell("begun", room);
}

export function enter(signal) {
  if (!room.other) return;
  // A refused first message is stored under the person, because there is no channel.
  if (room.id) return move(placeOf(room.other), room.id);
  when("opened", begin, signal);
  when(CHANNEL_CHANGED, ({ channel }) => isThisOne(channel) && begin(channel), signal);
}
