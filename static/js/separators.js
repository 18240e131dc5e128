/** Day separators, the "new" line and grouping. They depend on neighbours, so each change updates them. */

import { tell } from "./bus.js";
import { serverTime } from "./clock.js";
import { $$, el } from "./dom.js";
import { dayName, t } from "./i18n.js";
import { dayKey, dayOf } from "./logic/phrasebook.js";
import { continues, linesAbove } from "./logic/timeline.js";
import { room } from "./room.js";
import { createdAt } from "./rows.js";

const created = (row) => new Date(createdAt(row));
export const seqOf = (row) => Number(row.dataset.seq) || Infinity;

function neighbour(row, step) {
  let node = row[step];
  while (node && !node.classList.contains("message")) node = node[step];
  return node;
}

export const before = (row) => neighbour(row, "previousElementSibling");
export const after = (row) => neighbour(row, "nextElementSibling");

function separatorsAbove(row, previous) {
  const found = [];
  for (let node = row.previousElementSibling; node && node !== previous;) {
    found.unshift(node);
    node = node.previousElementSibling;
  }
  return found;
}

const plainOf = (row) =>
  row && { author: row.dataset.author, created: created(row), seq: seqOf(row) };

function line([kind, day], row) {
  const node = el("li", { class: kind, role: "separator" });
  if (kind === "day") node.dataset.day = day;
  node.append(el("span", { text: kind === "day" ? dayName(created(row)) : t("new_line") }));
  return node;
}

/** Remove a row with the separators above it. */
export function takeOut(row) {
  const next = after(row);
  for (const node of separatorsAbove(row, before(row))) node.remove();
  row.remove();
  settle(next);
}

/** Set what stands above `row`, and whether it continues the row before. */
export function settle(row) {
  if (!row) return;
  const previous = before(row);
  const have = separatorsAbove(row, previous);
  const want = linesAbove(plainOf(row), plainOf(previous), room.newSeq);
  const name = ([kind, day]) => kind + day;
  const same =
    have.map((node) => node.classList[0] + (node.dataset.day || "")).join() ===
    want.map(name).join();
  if (!same) {
    for (const node of have) node.remove();
    row.before(...want.map((entry) => line(entry, row)));
  }
  // Whoever came for this message by a link wants to know whose it is.
  const isApart = want.length > 0 || row.classList.contains("is-linked");
  const continued = !isApart && continues(plainOf(row), plainOf(previous));
  row.classList.toggle("is-continued", continued);
}

/** After midnight "Today" becomes "Yesterday"; a page that slept is updated when it is visible. */
export function followDays(list, signal) {
  let today = room.wasHere ? "" : dayKey(serverTime());
  const look = () => {
    if (today === dayKey(serverTime())) return;
    today = dayKey(serverTime());
    for (const node of $$(".day", list))
      node.firstElementChild.textContent = dayName(dayOf(node.dataset.day));
  };
  look();
  const timer = setInterval(look, 30_000);
  signal.addEventListener("abort", () => clearInterval(timer));
  document.addEventListener("visibilitychange", look, { signal });
}

/** Set the "new" line above the row with this number, or take it away with null. */
export function setNewLine(list, seq) {
  const old = list.querySelector(".new-line");
  const below = old && after(old);
  const row = seq === null ? null : document.getElementById(`m${seq}`);
  room.newSeq = seq;
  room.newAt = row ? createdAt(row) : "";
  settle(below);
  settle(row);
  tell("new-line");
}
