/** Ctrl/⌘+K: every channel and person a few letters away. */

import { $, $$, el } from "./dom.js";
import { heading } from "./dialog.js";
import { t } from "./i18n.js";

const dialog = $("#switcher");
const field = el("input", {
  class: "input", type: "text", role: "combobox", autocomplete: "off", spellcheck: "false",
  "aria-expanded": "true", "aria-controls": "switcher-list", "aria-autocomplete": "list",
});
const options = el("ul", { class: "switcher-list", id: "switcher-list", role: "listbox" });
const empty = el("p", { class: "switcher-empty", hidden: true });
let places = [];
let chosen = 0;

// ё is е, and case and width don't matter, as people type.
const plain = (text) => text.normalize("NFKC").toLocaleLowerCase().replaceAll("ё", "е");

function collect() {
  const seen = new Set();
  return $$("#sidebar [data-channel-link], #sidebar [data-person], #member-list [data-person]")
    .map((link) => ({
      href: link.getAttribute("href"),
      name: ($(".side-name, .person-name", link)?.firstChild?.textContent || "").trim(),
      unread: Number(link.dataset.unread) || 0,
      isChannel: "channelLink" in link.dataset,
      isCurrent: link.getAttribute("aria-current") === "page",
    }))
    .filter(({ href, name }) => name && !seen.has(href) && seen.add(href));
}

function rank({ name, unread, isCurrent }, query) {
  const at = plain(name).indexOf(query);
  return (at === 0 ? 0 : 1) + (unread ? 0 : 0.5) + (isCurrent ? 0.9 : 0);
}

function option(place, index) {
  const node = el("li", {
    class: "switcher-option", role: "option", id: `switch-${index}`, "aria-selected": String(index === chosen),
  }, el("span", { class: "side-name", text: place.isChannel && /^\/channels\/(?!dm-)/.test(place.href) ? `#${place.name}` : place.name }));
  if (place.unread) {
    node.append(el("span", { class: "unread" }, el("span", { class: "unread-count", text: String(place.unread) }),
      el("span", { class: "visually-hidden", text: t("unread_word") })));
  }
  if (place.isCurrent) node.append(el("span", { class: "muted", text: t("current") }));
  return node;
}

let found = [];
function paint() {
  const query = plain(field.value.trim().replace(/^[#@]/, ""));
  found = places.filter(({ name }) => plain(name).includes(query)).sort((a, b) => rank(a, query) - rank(b, query));
  chosen = Math.max(0, Math.min(chosen, found.length - 1));
  options.replaceChildren(...found.map(option));
  empty.hidden = found.length > 0;
  if (found.length) field.setAttribute("aria-activedescendant", `switch-${chosen}`);
  else field.removeAttribute("aria-activedescendant");
  options.children[chosen]?.scrollIntoView({ block: "nearest" });
}

function onKey(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step && found.length) {
    event.preventDefault();
    chosen = (chosen + step + found.length) % found.length;
    paint();
  } else if (event.key === "Enter" && !event.isComposing && found[chosen]) {
    event.preventDefault();
    location.assign(found[chosen].href);
  }
}

export function open() {
  if (dialog.open) return dialog.close();
  places = collect();
  field.value = "";
  chosen = 0;
  dialog.showModal();
  paint();
  field.focus();
}

export function start() {
  if (!dialog) return;
  field.setAttribute("aria-label", t("switcher_title"));
  options.setAttribute("aria-label", t("switcher_title"));
  empty.textContent = t("switcher_empty");
  dialog.append(heading(t("switcher_title")), field, options, empty);
  field.addEventListener("input", () => {
    chosen = 0;
    paint();
  });
  field.addEventListener("keydown", onKey);
  options.addEventListener("click", (event) => {
    const node = event.target.closest("[role=option]");
    if (node) location.assign(found[Number(node.id.slice("switch-".length))].href);
  });
}
