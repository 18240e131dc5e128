/**
 * The list of messages is one Tab stop. Arrow keys move through it, Enter goes to the actions of a
 * message, letters run an action, Esc returns to the composer. Keys are compared by `code`, so they are
 * the same on every layout.
 */

import { act, goInside } from "./actions.js";
import { tell } from "./bus.js";
import { $ } from "./dom.js";
import { after, before } from "./separators.js";
import { list, rows } from "./messages.js";
import { controlsOf, setReachable } from "./rows.js";
import { box } from "./scroll.js";

const ACTIONS = { KeyE: "edit", KeyC: "copy-link", Delete: "delete", Backspace: "delete" };
const MOVES = ["ArrowUp", "ArrowDown", "Home", "End"];
const SIDEWAYS = { ArrowLeft: -1, ArrowRight: 1 };
const ENTER = ["Enter", "NumpadEnter"];

let stop = null; // the one row that Tab reaches: the newest, or where one has been
let isVisited = false;

function isVisible(row) {
  const [seen, frame] = [row.getBoundingClientRect(), box.getBoundingClientRect()];
  return seen.bottom > frame.top && seen.top < frame.bottom;
}

function setStop(row) {
  if (stop && stop !== row) stop.tabIndex = -1;
  stop = row;
  if (row) row.tabIndex = 0;
}

// A change replaces a row: the one with its number, or the newest, takes its place.
function keepStop() {
  const kept = stop?.isConnected ? stop : stop?.id && document.getElementById(stop.id);
  setStop((isVisited && kept) || rows().at(-1));
  // An empty list still has to be scrolled by keyboard when its beginning is long.
  if (stop) box.removeAttribute("tabindex");
  else box.tabIndex = 0;
}

function goTo(row) {
  if (!row) return;
  row.focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest", behavior: "instant" });
}

function goBeside(node, step) {
  const controls = controlsOf(node.closest(".message"));
  controls[(controls.indexOf(node) + step + controls.length) % controls.length]?.focus();
}

function leave(node, row) {
  if (node !== row) row.focus({ preventScroll: true });
  else $("#composer textarea")?.focus({ preventScroll: true });
}

function move(row, code) {
  if (code === "Home") return goTo(rows()[0]);
  if (code === "End") return goTo(rows().at(-1));
  const next = code === "ArrowUp" ? before(row) : after(row);
  if (!next && code === "ArrowUp") tell("older-wanted");
  goTo(next);
}

/** Do what the key asks for; false if it is not one of ours. */
function handle(code, target, row) {
  if (MOVES.includes(code)) move(row, code);
  else if (code in SIDEWAYS && target.matches("a, button")) goBeside(target, SIDEWAYS[code]);
  else if (code === "Escape") leave(target, row);
  else if (code === "ContextMenu" || (target === row && ENTER.includes(code))) goInside(row);
  else return code in ACTIONS && act(row, ACTIONS[code]);
  return true;
}

function onKey(event) {
  const { code, target } = event;
  const row = target.closest(".message");
  if (!row || target.closest(".edit-form") || event.isComposing) return;
  if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
  if (!handle(code, target, row)) return;
  event.preventDefault();
  event.stopPropagation();
}

function onFocusIn({ target }) {
  const row = target.closest(".message");
  if (!row) return;
  isVisited = true;
  setStop(row);
  setReachable(row, true);
}

function onFocusOut({ target, relatedTarget }) {
  const row = target.closest(".message");
  if (row && !row.contains(relatedTarget)) setReachable(row, false);
}

// Where one was last, as long as that can be seen; else the newest message.
function onComposer() {
  if (!stop || isVisible(stop)) return;
  isVisited = false;
  keepStop();
}

export function enter(signal) {
  stop = null;
  isVisited = false;
  keepStop();
  const changes = new MutationObserver(keepStop);
  changes.observe(list, { childList: true });
  signal.addEventListener("abort", () => changes.disconnect());
  list.addEventListener("keydown", onKey, { signal });
  list.addEventListener("focusin", onFocusIn, { signal });
  list.addEventListener("focusout", onFocusOut, { signal });
  $("#composer")?.addEventListener("focusin", onComposer, { signal });
}
