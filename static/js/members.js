/** Keeps the list of members up to date while it is open. */

import * as api from "./api.js";
import { paint } from "./avatar.js";
import { when } from "./bus.js";
import { $, $$, el, jittered, me } from "./dom.js";
import { number, t, tn } from "./i18n.js";
import { learn, paintAt } from "./presence.js";
import { CHANNEL_CHANGED, MODE_NORMAL, SYSTEM } from "./protocol.js";
import { room } from "./room.js";
import { rebuild } from "./sidebar.js";
import { isConnected } from "./socket.js";
import { during } from "./visit.js";

// After each connection the list is compared with the server, with a random delay, because many
// browsers may connect at once.
const COMPARE_MS = 2000;

// Looked up each time, because the list may have been replaced.
const list = () => $("#member-list");
const rowOf = (id) => $(`[data-person="${CSS.escape(id)}"]`, list());
const more = () => $(".people-more", list());
const leftOut = () => Number(more()?.dataset.count) || 0;
const shown = () => $$("[data-person]", list());

function count(notShown) {
  if (more()) {
    more().dataset.count = notShown;
    more().textContent = tn("more_online", notShown);
    more().hidden = !notShown;
  }
  $("#member-count").textContent = number(shown().length + notShown);
}

// By name, as the server sorts them.
const nameOf = (row) => row.dataset.nickname.toLowerCase();

function lineOf(person) {
  const item = document.importNode($("#member-template").content, true).querySelector("li");
  const row = $(".person", item);
  Object.assign(row.dataset, { person: person.id, nickname: person.nickname });
  row.href = `/dm/${encodeURIComponent(person.nickname)}`;
  paint($(".avatar", row), person, "small");
  $(".presence", row).dataset.presence = person.id;
  const name = $(".person-name", row);
  name.textContent = person.nickname;
  if (person.id === me.id) name.append(" ", el("span", { class: "muted", text: t("you") }));
  if (person.status) $(".person-status", row).textContent = person.status;
  else $(".person-status", row).remove();
  return item;
}

/** The page has lines for as many as are seen at first, and data of the others. */
function addOthers() {
  const people = JSON.parse(more()?.dataset.people || "[]");
  if (!people.length) return;
  delete more().dataset.people;
  more().before(...people.map(([id, nickname, status]) => lineOf({ id, nickname, status })));
  for (const [id, , , isOnline] of people) {
    learn(id, isOnline ? "online" : "offline");
    paintAt(id);
  }
  if (leftOut()) count(leftOut());
  else more().remove();
}

function add(person) {
  if (rowOf(person.id)) return;
  if (leftOut()) return count(leftOut() + 1); // a long list ends with whoever has no row in it
  const item = lineOf(person);
  const row = $(".person", item);
  const below = shown().find((other) => nameOf(other) > nameOf(row));
  if (below) below.closest("li").before(item);
  else list().append(item);
  paintAt(person.id);
  count(0);
}

function remove(id) {
  const row = rowOf(id);
  row?.closest("li").remove();
  if (row || leftOut()) count(leftOut() - (row ? 0 : 1));
}

function changed({ channel, joined, left, person }) {
  if (channel.id !== room.id || !list()) return;
  if (joined && person) add(person);
  else if (left) remove(left);
}

/** Fetch missed changes, also those between the rendering of the page and the connection. */
async function compare() {
  if (!room.id) return; // nobody has written here yet
  const { users } = await during(api.get(`/api/channels/${room.id}/users`));
  const members = new Set(users);
  const rows = shown();
  const isSame =
    users.length === rows.length + leftOut() &&
    rows.every((row) => members.has(row.dataset.person));
  if (!isSame) await rebuild();
}

let timer = 0;
function compareSoon() {
  clearTimeout(timer);
  timer = setTimeout(() => compare().catch(() => {}), jittered(COMPARE_MS)); // else the next connection asks
}

export function enter(signal) {
  if (!list()) return;
  addOthers();
  when("sidebar:rebuilt", addOthers, signal);
  when(CHANNEL_CHANGED, changed, signal);
  when("connected", compareSoon, signal);
  when(SYSTEM, ({ mode }) => mode === MODE_NORMAL && compareSoon(), signal);
  signal.addEventListener("abort", () => clearTimeout(timer));
  // Nobody tells of a channel that one only looks into until it has been opened.
  if (isConnected() && !room.isMember) compareSoon();
}
