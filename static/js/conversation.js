/**
 * A direct conversation begins with its first message, whoever writes it, and the page that was
 * open for it goes on as it is: nothing that is being typed is lost.
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
  // What was refused while there was no channel waits under the person.
  if (room.id) return move(placeOf(room.other), room.id);
  when("opened", begin, signal);
  when(CHANNEL_CHANGED, ({ channel }) => isThisOne(channel) && begin(channel), signal);
}
