/**
 * Dots that don't lie: what the server said last, and "unknown" once we can't hear it, or it can't
 * hear of the other processes: then it tells who is connected to its own, and only they are online.
 */

import * as api from "./api.js";
import { when } from "./bus.js";
import { $, $$, debounce, el, jittered, me } from "./dom.js";
import { t, tn } from "./i18n.js";
import { MODE_DEGRADED, MODE_NORMAL, PEOPLE_NAMED, PRESENCE, SYSTEM } from "./protocol.js";

const DOUBT_MS = 15_000;
const WORDS = { online: "online", offline: "offline", unknown: "presence_unknown" };
const GAP_MS = 2_000; // how long a change that is not the next one waits for those before it
const ASK_MS = 3_000; // over what time browsers spread that all have to ask
const AGAIN_MS = 10_000; // and when they were not answered
const NAMES_MS = 60_000; // names are asked for at most this often

const names = new Map();
const ahead = new Map(); // changes whose predecessors are still on their way, by number
let online = new Set();
let isTold = true; // the server knows of everybody, not only of those connected to its process
let isWhole = true; // so do we: whoever is not in `online` is offline, not unknown
let doubt = 0;
let gap = 0;
let asking = 0;
let namesAsked = -Infinity;

/** The number of the last change that `online` shows: the server tells only what came after. */
export let upTo = 0;

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

export function stateOf(id) {
  if (id === me.id || online.has(id)) return "online";
  return isWhole ? "offline" : "unknown";
}

/** Set the dots of somebody who has just got a row. */
export const paintAt = (id) => paint([id], stateOf(id));

function paintAll(state) {
  for (const dot of $$("[data-presence]")) paintDot(dot, state || stateOf(dot.dataset.presence));
}

/** Nobody tells us of other processes' people any more: what was said of them may be over. */
function forget() {
  isTold = isWhole = false;
  online.clear();
  paintAll();
  paintPeople();
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

async function fetchNames() {
  const others = [...online].filter((id) => id !== me.id);
  const named = others.filter((id) => names.has(id)).length;
  if (
    named >= Math.min(PEOPLE_NAMED / 2, others.length) ||
    performance.now() - namesAsked < NAMES_MS
  )
    return;
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
  const ids = [...online].filter((id) => id !== me.id && names.has(id));
  ids.sort((a, b) => names.get(a).localeCompare(names.get(b)));
  const rows = ids.slice(0, PEOPLE_NAMED).map(personRow);
  const others = online.size - online.has(me.id) - rows.length;
  const say = (text) => rows.push(el("li", { class: "side-empty", text }));
  if (others) say(tn("more_online", others));
  if (!isWhole) say(t(rows.length ? "others_unknown" : "presence_unknown"));
  if (!rows.length) say(t("nobody_online"));
  box.replaceChildren(...rows);
}, jittered(500));

function apply({ online: came = [], offline: went = [], names: told = {} }) {
  for (const [id, name] of Object.entries(told)) names.set(id, name);
  for (const id of came) online.add(id);
  for (const id of went) online.delete(id);
  for (const id of [...came, ...went]) paint([id], stateOf(id));
  paintPeople();
}

function applyNext() {
  for (const seq of ahead.keys()) if (seq <= upTo) ahead.delete(seq);
  while (ahead.has(upTo + 1)) {
    upTo += 1;
    apply(ahead.get(upTo));
    ahead.delete(upTo);
  }
  if (!ahead.size) return;
  gap ||= setTimeout(
    () => {
      gap = 0;
      if (ahead.size) askForAll();
    },
    GAP_MS + jittered(ASK_MS),
  );
}

// The list holds whatever was announced before it was asked for.
async function askForAll() {
  const reached = Math.max(upTo, ...ahead.keys());
  const wasTold = isTold;
  let users;
  try {
    ({ users } = await api.get("/api/users/online"));
  } catch {
    if (!isWhole) askSoon(AGAIN_MS);
    return; // else the next greeting, or the next gap, asks again
  }
  if (wasTold !== isTold) return askSoon(); // it is an answer of before
  online = new Set(users);
  isWhole = isTold;
  upTo = Math.max(upTo, reached);
  paintAll();
  applyNext();
  paintPeople();
}

function askSoon(ms = ASK_MS) {
  asking ||= setTimeout(() => {
    asking = 0;
    askForAll();
  }, jittered(ms));
}

function greeted({ seq, known, missed, ...change }) {
  isTold = known;
  if (!known) forget();
  else if (!missed && seq > upTo) apply(change);
  upTo = Math.max(upTo, seq || 0);
  if (missed || !isWhole) return askForAll();
  paintAll();
  applyNext();
}

function changed(change) {
  if (change.greeting) return greeted(change);
  if (change.seq) {
    ahead.set(change.seq, change);
    return applyNext();
  }
  // A process without Redis counts nothing, and may know its own people only.
  if (change.known === false && isTold) forget();
  apply(change);
}

export function start() {
  learnNames();
  const { seq, online: ids } = $("#online-people")?.dataset ?? {};
  upTo = Number(seq) || 0;
  online = new Set(ids?.split(" ").filter(Boolean));
  when(PRESENCE, changed);
  when("sidebar:rebuilt", () => {
    if (!isWhole) return paintAll();
    for (const id of online) paint([id], "online");
  });
  when("connected", () => {
    clearTimeout(doubt);
    doubt = 0; // what changed meanwhile follows
  });
  when(SYSTEM, ({ mode }) => {
    if (mode === MODE_DEGRADED && isTold) forget();
    if (mode !== MODE_NORMAL) return;
    isTold = true;
    askSoon(); // changes may have been lost, whether or not the mode is another one
  });
  when("disconnected", () => {
    doubt ||= setTimeout(() => paintAll("unknown"), DOUBT_MS);
  });
}
