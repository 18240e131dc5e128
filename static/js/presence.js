/** Dots that don't lie: what the server said last, and "unknown" once we can't hear it. */

import * as api from "./api.js";
import { when } from "./bus.js";
import { $, $$, debounce, el, jittered, me } from "./dom.js";
import { t } from "./i18n.js";

const DOUBT_MS = 15_000;
const WORDS = { online: "online", offline: "offline", unknown: "presence_unknown" };
const MANY = 60; // people shown in the sidebar

const names = new Map();
let online = new Set();
let doubt = 0;

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

function paintAll(state) {
  for (const dot of $$("[data-presence]")) {
    const { presence: id } = dot.dataset;
    paintDot(dot, state || (id === me.id || online.has(id) ? "online" : "offline"));
  }
}

function learnNames() {
  for (const link of $$("[data-person]")) {
    const name = $(".side-name", link)?.textContent;
    if (name) names.set(link.dataset.person, name);
  }
}

function personRow(id) {
  const nickname = names.get(id);
  const dot = el("span", { class: "presence", data: { presence: id, state: "online" } },
    el("span", { class: "visually-hidden", text: t("online") }));
  return el("li", {},
    el("a", { class: "side-link side-person", href: `/dm/${encodeURIComponent(nickname)}`, data: { person: id } },
      el("span", { class: "side-presence" }, dot), el("span", { class: "side-name", text: nickname })));
}

async function fetchNames() {
  if ([...online].every((id) => id === me.id || names.has(id))) return;
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
  const empty = el("li", { class: "side-empty", text: t("nobody_online") });
  box.replaceChildren(...(ids.length ? ids.slice(0, MANY).map(personRow) : [empty]));
}, jittered(500));

function changed({ online: came = [], offline: went = [], known = true, snapshot = false }) {
  if (snapshot) online = new Set();
  for (const id of came) online.add(id);
  for (const id of went) online.delete(id);
  if (snapshot) paintAll(known ? null : "unknown");
  paint(came, "online");
  paint(went.filter((id) => id !== me.id), known ? "offline" : "unknown");
  paintPeople();
}

export function start() {
  learnNames();
  online = new Set($$("#online-people [data-person]").map((link) => link.dataset.person));
  when("presence", changed);
  when("sidebar:rebuilt", () => {
    for (const id of online) paint([id], "online");
  });
  when("connected", () => {
    clearTimeout(doubt);
    doubt = 0; // who is online now follows as a snapshot
  });
  when("disconnected", () => {
    doubt ||= setTimeout(() => paintAll("unknown"), DOUBT_MS);
  });
}
