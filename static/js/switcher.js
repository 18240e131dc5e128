/**
 * The switcher (Ctrl/⌘+K): finds channels and people by some letters. Matches from the page are shown
 * at once; the server adds all others and knows both keyboard layouts.
 */

import * as api from "./api.js";
import { $, $$, debounce, el, icon, me } from "./dom.js";
import { heading } from "./dialog.js";
import { t } from "./i18n.js";
import { visit } from "./navigation.js";
import { offer, placeOfChannel, placeOfPerson, withoutSign } from "./logic/places.js";
import { stateOf } from "./presence.js";
import { PLACES_FOUND } from "./protocol.js";
import { linkOf } from "./unread.js";

const PAUSE_MS = 120; // between two letters of somebody who types

let dialog = null;
let field = null;
let options = null;
let empty = null;

let here = []; // what is on the screen
let found = []; // what is offered
let answer = { typed: null, places: [] }; // what the server said last, and to what
let failed = null; // what could not be asked
let chosen = "";

const typed = () => withoutSign(field.value);

function collect() {
  const links = $$(
    "#sidebar [data-channel-link], #sidebar [data-person], #member-list [data-person]",
  );
  return links.map((link) => ({
    href: link.getAttribute("href"),
    name: ($(".side-name, .person-name", link)?.firstChild?.textContent || "").trim(),
    unread: Number(link.dataset.unread) || 0,
    isCurrent: link.getAttribute("aria-current") === "page",
    mark: $(".icon use", link)?.getAttribute("href").split("#")[1],
    person: $("[data-presence]", link)?.dataset.presence,
  }));
}

const unreadOf = (id) => Number(linkOf(id)?.dataset.unread) || 0;

/** The places in the server's answer. */
function placesOf({ channels, users }) {
  const found = channels.map((channel) => placeOfChannel(channel, unreadOf(channel.id), me.id));
  return [...found, ...users.map(placeOfPerson)];
}

function option(place, index) {
  const { person, mark } = place;
  const sign = person
    ? el("span", { class: "presence", data: { presence: person, state: stateOf(person) } })
    : icon(mark || "hash");
  const node = el(
    "li",
    {
      class: "switcher-option",
      role: "option",
      id: `switch-${index}`,
      "aria-selected": String(place.href === chosen),
    },
    el("span", { class: "side-presence" }, sign),
    el("span", { class: "side-name", text: place.name }),
  );
  if (place.unread) {
    node.append(
      el(
        "span",
        { class: "unread" },
        el("span", { class: "unread-count", text: String(place.unread) }),
        el("span", { class: "visually-hidden", text: t("unread_word") }),
      ),
    );
  }
  if (place.isCurrent) node.append(el("span", { class: "muted", text: t("current") }));
  return node;
}

function words() {
  if (found.length) return "";
  if (failed === typed()) return t("switcher_offline");
  return answer.typed === typed() ? t("switcher_empty") : "";
}

function paint() {
  found = offer(typed(), here, answer.typed === typed() ? answer.places : []);
  if (!found.some(({ href }) => href === chosen)) chosen = found[0]?.href ?? "";
  options.replaceChildren(...found.map(option));
  const text = words();
  if (empty.textContent !== text) empty.textContent = text;
  const selected = $("[aria-selected=true]", options);
  if (selected) field.setAttribute("aria-activedescendant", selected.id);
  else field.removeAttribute("aria-activedescendant");
  selected?.scrollIntoView({ block: "nearest" });
}

async function ask() {
  const query = typed();
  if (!dialog.open || answer.typed === query) return;
  try {
    const path = `/api/places?q=${encodeURIComponent(query)}&limit=${PLACES_FOUND}`;
    answer = { typed: query, places: placesOf(await api.get(path)) };
    failed = null;
  } catch {
    failed = query;
  }
  if (dialog.open && query === typed()) paint();
}

const askSoon = debounce(ask, PAUSE_MS);

function go(href) {
  dialog.close();
  visit(href);
}

function onKey(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step && found.length) {
    event.preventDefault();
    const at = found.findIndex(({ href }) => href === chosen);
    chosen = found[(at + step + found.length) % found.length].href;
    paint();
  } else if (event.key === "Enter" && !event.isComposing && chosen) {
    event.preventDefault();
    go(chosen);
  }
}

export function open() {
  if (dialog.open) return dialog.close();
  here = collect();
  answer = { typed: null, places: [] };
  field.value = chosen = "";
  failed = null;
  dialog.showModal();
  paint();
  field.focus();
  ask();
}

function build() {
  field = el("input", {
    class: "input",
    type: "text",
    role: "combobox",
    autocomplete: "off",
    spellcheck: "false",
    maxlength: 80,
    "aria-label": t("switcher_title"),
    "aria-expanded": "true",
    "aria-controls": "switcher-list",
    "aria-autocomplete": "list",
  });
  options = el("ul", {
    class: "switcher-list",
    id: "switcher-list",
    role: "listbox",
    "aria-label": t("switcher_title"),
  });
  empty = el("p", { class: "switcher-empty", role: "status" });
  dialog.append(heading(t("switcher_title")), field, options, empty);
}

export function start() {
  dialog = $("#switcher");
  if (!dialog) return;
  build();
  field.addEventListener("input", () => {
    chosen = "";
    paint();
    askSoon();
  });
  field.addEventListener("keydown", onKey);
  options.addEventListener("click", (event) => {
    const node = event.target.closest("[role=option]");
    if (node) go(found[Number(node.id.slice("switch-".length))].href);
  });
}
