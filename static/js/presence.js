/**
 * Presence dots. They show the last state from the server, and "unknown" while we are not connected.
 * While the server's processes cannot reach each other, only people of our process are known.
 */

import * as api from "./api.js";
import { when } from "./bus.js";
import { $, $$, debounce, el, jittered, me } from "./dom.js";
import { t, tn } from "./i18n.js";
import { hasNamesEnough, OnlineSet, peopleToName } from "./logic/online.js";
import { PRESENCE, SYSTEM } from "./protocol.js";

const DOUBT_MS = 15_000;
const WORDS = { online: "online", offline: "offline", unknown: "presence_unknown" };
const GAP_MS = 2_000; // how long a change that is not the next one waits for those before it
const ASK_MS = 3_000; // over what time browsers spread that all have to ask
const AGAIN_MS = 10_000; // and when they were not answered
const NAMES_MS = 60_000; // names are asked for at most this often

const names = new Map();
let online = new OnlineSet();
let doubt = 0;
let isDoubted = false;
let gap = 0;
let asking = 0;
let namesAsked = -Infinity;

/** The number of the last change that is shown: the server tells only what came after. */
export const upTo = () => online.upTo;

function paintDot(dot, state) {
  if (dot.dataset.state === state) return;
  dot.dataset.state = state;
  const word = $(".visually-hidden", dot);
  if (word) word.textContent = t(WORDS[state]);
}

function paint(ids, state) {
  for (const id of ids) {
    for (const dot of $$(`[data-presence="${CSS.escape(id)}"]`)) paintDot(dot, state);
  }
}

export const stateOf = (id) => (id === me.id ? "online" : online.stateOf(id));

/** Set the dots of somebody who has just got a row. */
export const paintAt = (id) => paint([id], stateOf(id));

function paintAll(state) {
  for (const dot of $$("[data-presence]")) paintDot(dot, state || stateOf(dot.dataset.presence));
}

function learnNames() {
  for (const link of $$("[data-person]")) {
    const name = $(".side-name", link)?.textContent;
    if (name) names.set(link.dataset.person, name);
  }
}

function personRow(id) {
  const nickname = names.get(id);
  const dot = el(
    "span",
    { class: "presence", data: { presence: id, state: "online" } },
    el("span", { class: "visually-hidden", text: t("online") }),
  );
  return el(
    "li",
    {},
    el(
      "a",
      {
        class: "side-link side-person",
        href: `/dm/${encodeURIComponent(nickname)}`,
        data: { person: id },
      },
      el("span", { class: "side-presence" }, dot),
      el("span", { class: "side-name", text: nickname }),
    ),
  );
}

const others = () => online.people.filter((id) => id !== me.id);

// Of a crowd. Unless named, this person is one of those who are counted.
const othersNotNamed = () => Math.max(0, online.more - (online.has(me.id) ? 0 : 1));

/** What the server says beside the list, of those of whom nothing else was said. */
export function learn(id, state) {
  if (id !== me.id) online.seen(id, state);
}

function learnDots() {
  for (const { dataset } of $$("[data-presence]")) learn(dataset.presence, dataset.state);
}

async function fetchNames() {
  const isEnough = hasNamesEnough(others(), names);
  if (isEnough || performance.now() - namesAsked < NAMES_MS) return;
  namesAsked = performance.now();
  try {
    const { users } = await api.get("/api/users?limit=1000");
    for (const { id, nickname } of users) names.set(id, nickname);
  } catch {
    // Without a name there is no row; the next change asks again.
  }
}

const paintPeople = debounce(async () => {
  const box = $("#online-people");
  if (!box) return;
  await fetchNames();
  const rows = peopleToName(others(), names).map(personRow);
  const notNamed = others().length - rows.length + othersNotNamed();
  const say = (text) => rows.push(el("li", { class: "side-empty", text }));
  if (notNamed) say(tn("more_online", notNamed));
  if (!online.isWhole) say(t(rows.length ? "others_unknown" : "presence_unknown"));
  if (!rows.length) say(t("nobody_online"));
  box.replaceChildren(...rows);
}, jittered(500));

/** Do what an outcome of `OnlineSet` asks for. */
function follow({ people, isAll, isListChanged, ask }) {
  if (isAll) paintAll();
  else people.forEach(paintAt);
  if (isListChanged) paintPeople();
  if (ask === "now") askForAll();
  else if (ask === "soon") askSoon();
  if (online.hasGap) waitForGap();
}

function told(change) {
  for (const [id, name] of Object.entries(change.names ?? {})) names.set(id, name);
  follow(online.told(change));
}

function waitForGap() {
  const ask = () => {
    gap = 0;
    if (online.hasGap) askForAll();
  };
  gap ||= setTimeout(ask, GAP_MS + jittered(ASK_MS));
}

async function askForAll() {
  const asked = online.asking();
  let users;
  let more;
  try {
    ({ users, more } = await api.get("/api/users/online"));
  } catch {
    if (!online.isWhole) askSoon(AGAIN_MS);
    return; // else the next greeting, or the next gap, asks again
  }
  follow(online.listed(users, asked, more));
}

function askSoon(ms = ASK_MS) {
  asking ||= setTimeout(() => {
    asking = 0;
    askForAll();
  }, jittered(ms));
}

export function start() {
  learnNames();
  const { seq, online: ids, more } = $("#online-people")?.dataset ?? {};
  online = new OnlineSet(ids?.split(" ").filter(Boolean), Number(seq) || 0, Number(more) || 0);
  learnDots();
  when(PRESENCE, told);
  when("entered", learnDots); // another channel on the same page
  when("sidebar:rebuilt", () => {
    learnDots();
    if (online.isWhole) paint(online.people, "online");
    else paintAll();
  });
  when("entered", () => paintAll(isDoubted && "unknown"));
  when("connected", () => {
    clearTimeout(doubt);
    doubt = 0; // what changed meanwhile follows
    isDoubted = false;
  });
  when(SYSTEM, ({ mode }) => follow(online.modeIs(mode)));
  when("disconnected", () => {
    doubt ||= setTimeout(() => {
      isDoubted = true;
      paintAll("unknown");
    }, DOUBT_MS);
  });
}
